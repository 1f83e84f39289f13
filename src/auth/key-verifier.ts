// Finds the entry of a key: by its digest where it verified before, otherwise by one bcrypt, the
// same for a wrong secret and for an unknown key. What an entry allows is read from the policy of
// each request.
import { hash } from 'node:crypto';
import type { Clock } from '../kernel/clock.ts';
import { ignore } from '../kernel/ignore.ts';
import type { KeyPolicy } from '../policy/policy.ts';
import { keyFormOf } from './api-key.ts';
import type { Hasher, Lane } from './bcrypt/bcrypt-pool.ts';
import type { KeyDigests } from './key-digests.ts';
import type { KeyRing } from './key-ring.ts';

export type KeyVerdict =
  | { readonly kind: 'key'; readonly key: KeyPolicy }
  | { readonly kind: 'unknown' }
  /** Too many keys are waiting for their bcrypt. */
  | { readonly kind: 'overloaded' };

interface Work {
  /** The ring of the policy that the result is for; it is not valid for another policy. */
  readonly ring: KeyRing;
  readonly verdict: Promise<KeyVerdict>;
}

interface Verified {
  /** Hash of the entry that the key was verified against. */
  readonly bcrypt: string;
  usedMs: number;
  /** When the entry last moved to the end of the order of use. */
  placedMs: number;
}

const unknown: KeyVerdict = { kind: 'unknown' };
const overloaded: KeyVerdict = { kind: 'overloaded' };

/** About 4 MiB. Beyond this, the least recently used entry is evicted. */
const maxVerified = 20_000;
/** About 1 MiB. Beyond this, the key rejected longest ago is evicted and costs a bcrypt again. */
const maxRefused = 10_000;
/**
 * The order of use is accurate to this time: updating it on every request would cost more than it
 * is worth.
 */
const orderMs = 1_000;

export class KeyVerifier {
  readonly #hasher: Hasher;
  readonly #clock: Clock;
  readonly #digests: KeyDigests | undefined;
  /** SHA-256 of the key -> what it was verified against. In the order of use, oldest first. */
  readonly #verified = new Map<string, Verified>();
  /** SHA-256 of keys that match no entry of a ring. */
  readonly #refused = new WeakMap<KeyRing, Set<string>>();
  /** One verification per key at a time; concurrent requests share its result until a reload. */
  readonly #underWay = new Map<string, Work>();

  /** `digests`: recognises keys in the gateway's own format however long they were unused. */
  constructor(options: { readonly hasher: Hasher; readonly clock: Clock; readonly digests?: KeyDigests | undefined }) {
    this.#hasher = options.hasher;
    this.#clock = options.clock;
    this.#digests = options.digests;
  }

  /**
   * Decides without bcrypt for keys that verified before and for text that cannot be a key;
   * otherwise returns undefined. `idleTtlMs`: a key unused for this long is verified again.
   */
  known(key: string, ring: KeyRing, idleTtlMs: number): KeyVerdict | undefined {
    const digest = hash('sha256', key);
    const byDigest = ring.withDigest(digest);
    if (byDigest !== undefined) return { kind: 'key', key: byDigest };
    const verified = this.#verified.get(digest);
    if (verified !== undefined) {
      const nowMs = this.#clock.monotonicMs();
      const entry = ring.withHash(verified.bcrypt);
      if (entry === undefined) this.#verified.delete(digest);
      else if (nowMs - verified.usedMs <= idleTtlMs) {
        verified.usedMs = nowMs;
        if (nowMs - verified.placedMs >= orderMs) this.#place(digest, verified, nowMs);
        return { kind: 'key', key: entry };
      }
    }
    const { keys, hopeless } = ring.candidates(key);
    if (hopeless || !ring.hashes) return unknown;
    const recognised = this.#recognised(key, keys);
    if (recognised === undefined) return undefined;
    this.#remember(digest, recognised.bcrypt);
    return { kind: 'key', key: recognised.entry };
  }

  /** Whether this very key verified before, against an entry that still exists: it will again. */
  isProven(key: string, ring: KeyRing): boolean {
    const verified = this.#verified.get(hash('sha256', key));
    return verified !== undefined && ring.withHash(verified.bcrypt) !== undefined;
  }

  /** The digest of a key that was passed to refuse(). Undefined when the key may be right. */
  refusedDigest(key: string, ring: KeyRing): string | undefined {
    const digest = hash('sha256', key);
    return this.#refused.get(ring)?.has(digest) === true ? digest : undefined;
  }

  /** Remembers that the key matches no entry of the ring. Returns its digest. */
  refuse(key: string, ring: KeyRing): string {
    const digest = hash('sha256', key);
    const refused = this.#refused.get(ring) ?? new Set();
    this.#refused.set(ring, refused);
    refused.add(digest);
    for (const oldest of refused) {
      if (refused.size <= maxRefused) break;
      refused.delete(oldest);
    }
    return digest;
  }

  /**
   * Whether this very key is being verified. A request that joins costs no bcrypt and learns
   * nothing more.
   */
  isUnderWay(key: string, ring: KeyRing): boolean {
    return this.#underWay.get(hash('sha256', key))?.ring === ring;
  }

  /** For keys that known() returned undefined for. Never rejects. */
  verify(key: string, ring: KeyRing, lane: Lane): Promise<KeyVerdict> {
    const digest = hash('sha256', key);
    const underWay = this.#underWay.get(digest);
    if (underWay?.ring === ring) return underWay.verdict;
    const verdict = this.#verify(key, digest, ring, lane).finally(() => {
      if (this.#underWay.get(digest) === work) this.#underWay.delete(digest);
    });
    const work: Work = { ring, verdict };
    this.#underWay.set(digest, work);
    return verdict;
  }

  async #verify(key: string, digest: string, ring: KeyRing, lane: Lane): Promise<KeyVerdict> {
    const { keys, named } = ring.candidates(key);
    const hashes = keys.flatMap(({ secret }) => (secret.kind === 'bcrypt' ? [secret.bcrypt] : []));
    // An unknown key is hashed all the same, also when there are entries without a prefix: the
    // response time must not reveal whether its id exists.
    for (const bcrypt of named ? hashes : [...hashes, nobodysHash(ring.cost)]) {
      // A failed thread proves nothing about the key.
      const verdict = await this.#hasher.verify(key, bcrypt, lane)?.catch(ignore);
      if (verdict === undefined) return overloaded;
      if (!verdict) continue;
      const entry = ring.withHash(bcrypt);
      if (entry === undefined) continue;
      this.#remember(digest, bcrypt);
      if (keyFormOf(key) === 'ours') this.#digests?.add(bcrypt, key);
      return { kind: 'key', key: entry };
    }
    return unknown;
  }

  /**
   * Only for keys in the gateway's own format: others may have little entropy, and a digest on disk
   * would expose them to guessing.
   */
  #recognised(key: string, candidates: readonly KeyPolicy[]): { entry: KeyPolicy; bcrypt: string } | undefined {
    if (this.#digests === undefined || keyFormOf(key) !== 'ours') return undefined;
    for (const entry of candidates) {
      if (entry.secret.kind !== 'bcrypt') continue;
      const { bcrypt } = entry.secret;
      if (this.#digests.has(bcrypt, key)) return { entry, bcrypt };
    }
    return undefined;
  }

  /** Moves the entry to the end of the order of use. */
  #place(digest: string, verified: Verified, nowMs: number): void {
    verified.placedMs = nowMs;
    this.#verified.delete(digest);
    this.#verified.set(digest, verified);
  }

  #remember(digest: string, bcrypt: string): void {
    const nowMs = this.#clock.monotonicMs();
    this.#place(digest, { bcrypt, usedMs: nowMs, placedMs: nowMs }, nowMs);
    for (const oldest of this.#verified.keys()) {
      if (this.#verified.size <= maxVerified) break;
      this.#verified.delete(oldest);
    }
  }
}

/**
 * 22 characters of salt and 31 of hash, in bcrypt's alphabet and canonical. No known key hashes to
 * it.
 */
const nobodysSaltAndHash = 'portal.gateway.nobody.this.is.the.hash.of.no.key.at.a';

function nobodysHash(cost: number): string {
  return `$2b$${String(cost).padStart(2, '0')}$${nobodysSaltAndHash.slice(0, 52)}.`;
}
