// Verifies a key if it is worth a bcrypt now: known keys at once, others within the limits of the
// throttles and the verification queue. Does not choose the key and does not check its conditions.
import { ownKeysIn } from '../kernel/api-key-format.ts';
import { isKeyInText, keyFormOf } from './api-key.ts';
import { holdsKey } from './hidden-keys.ts';
import { maxKeyBytes } from './bcrypt/bcrypt-hash.ts';
import type { Claim } from './credential.ts';
import type { AuthThrottle, Standing } from './auth-throttle.ts';
import type { KeyRing } from './key-ring.ts';
import type { Cancellation } from '../kernel/work/cancellation.ts';
import type { KeyVerdict, KeyVerifier } from './key-verifier.ts';
import { InFlightVerifications } from './in-flight-verifications.ts';
import { VerifiedPairs } from './verified-pairs.ts';

export type VerifyOutcome =
  | KeyVerdict
  /** Too many wrong credentials came from this address, or for this key id. */
  | { readonly kind: 'throttled'; readonly retryAfterMs: number };

export interface KeyAttempt {
  readonly key: string;
  readonly ring: KeyRing;
  /** Address of the client. */
  readonly address: string;
  /** A foreign key that is unused for this long is verified again. */
  readonly cacheTtlMs: number;
  readonly cancellation: Pick<Cancellation, 'cancelled'>;
}

const stranger: Standing = { kind: 'stranger' };
const proven: Standing = { kind: 'proven' };
const unknown: KeyVerdict = { kind: 'unknown' };

export class ThrottledVerifier {
  readonly #verifier: KeyVerifier;
  readonly #throttle: AuthThrottle;
  readonly #pairs = new VerifiedPairs();
  readonly #inFlight = new InFlightVerifications();

  constructor(options: { readonly verifier: KeyVerifier; readonly throttle: AuthThrottle }) {
    this.#verifier = options.verifier;
    this.#throttle = options.throttle;
  }

  /**
   * Returns synchronously where no bcrypt is needed, which is nearly always. The promise never
   * rejects because of the caller's input.
   */
  verify(attempt: KeyAttempt): VerifyOutcome | Promise<VerifyOutcome> {
    const { key, ring, cacheTtlMs, address } = attempt;
    const known = this.#verifier.known(key, ring, cacheTtlMs);
    if (known !== undefined && known.kind !== 'unknown') return known;
    const digest = this.#verifier.refusedDigest(key, ring);
    if (known === undefined && digest === undefined) return this.#verifyUnknown(attempt);
    // Rejected without a bcrypt, but still counted as a failure.
    const standing = digest === undefined ? stranger : ({ kind: 'refused', digest } as const);
    const retryAfterMs = this.#throttle.begin(address, ring.keyIdOf(key), standing);
    if (retryAfterMs > 0) return { kind: 'throttled', retryAfterMs };
    if (digest === undefined) this.#refuse(attempt);
    return unknown;
  }

  /** Whether the token is one of our keys, without computing a bcrypt. */
  claimOf(token: string, ring: KeyRing, cacheTtlMs: number): Claim {
    if (ring.isOurs(token) || this.#isKnown(token, ring, cacheTtlMs)) return 'ours';
    return ring.hasUnprefixed && Buffer.byteLength(token) <= maxKeyBytes ? 'possible' : 'foreign';
  }

  /**
   * Whether a key of this gateway stands anywhere in a header value for the app. Like claimOf(),
   * but in any encoding. `known`: only keys of entries, not everything in the gateway's own format,
   * which may be a key of another gateway.
   */
  holdsKey(value: string, ring: KeyRing, cacheTtlMs: number, which: 'any' | 'known'): boolean {
    const isKey = (token: string): boolean => this.#isKnown(token, ring, cacheTtlMs);
    return holdsKey(value, {
      isKey,
      beginsIn: (text) =>
        ring.hasPrefixIn(text) ||
        ownKeysIn(text).some((found) => (which === 'any' && isKeyInText(found)) || isKey(found.key)),
    });
  }

  #isKnown(token: string, ring: KeyRing, cacheTtlMs: number): boolean {
    return this.#verifier.known(token, ring, cacheTtlMs)?.kind === 'key' || this.#verifier.isProven(token, ring);
  }

  async #verifyUnknown(attempt: KeyAttempt): Promise<VerifyOutcome> {
    const { key, ring, address } = attempt;
    // Concurrent requests with one key count as one attempt until the key is known to be wrong:
    // clients often open many connections at once.
    const joins = this.#verifier.isUnderWay(key, ring);
    const keyId = ring.keyIdOf(key);
    const standing = this.#standingOf(attempt);
    // Counted before the bcrypt, so that concurrent attempts cannot bypass the limit.
    const retryAfterMs = joins ? 0 : this.#throttle.begin(address, keyId, standing);
    if (retryAfterMs > 0) return this.#wait(attempt, retryAfterMs);
    if (!joins) this.#inFlight.begin(address);
    const verdict = await this.#verifier.verify(key, ring, standing.kind);
    if (verdict.kind === 'key') {
      // Refund only for a key that proved right: a full queue proves nothing.
      if (!joins) this.#throttle.forgive(address, keyId, standing);
      if (keyFormOf(key) === 'foreign') this.#pairs.add(verdict.key.id, address);
    } else if (verdict.kind === 'unknown') this.#refuse(attempt);
    if (!joins) this.#inFlight.end(address);
    return verdict;
  }

  /** The first failure of a key also counts towards the limit on its repetitions. */
  #refuse({ key, ring, address }: KeyAttempt): void {
    const digest = this.#verifier.refuse(key, ring);
    this.#throttle.begin(address, ring.keyIdOf(key), { kind: 'refused', digest });
  }

  /**
   * The failures held against this address may be verifications in progress for other callers:
   * waits for one to finish.
   */
  async #wait(attempt: KeyAttempt, retryAfterMs: number): Promise<VerifyOutcome> {
    const next = this.#inFlight.next(attempt.address);
    if (next === undefined) return { kind: 'throttled', retryAfterMs };
    await next;
    // The caller is gone, so the outcome does not matter.
    return attempt.cancellation.cancelled ? unknown : this.verify(attempt);
  }

  /**
   * Keys in the gateway's own format need no pairs: those that verified before are recognised
   * without a bcrypt.
   */
  #standingOf({ key, ring, address }: KeyAttempt): Standing {
    if (this.#verifier.isProven(key, ring)) return proven;
    if (keyFormOf(key) !== 'foreign') return stranger;
    const entry = ring.withPrefixOf(key).find(({ id }) => this.#pairs.has(id, address));
    return entry === undefined ? stranger : { kind: 'pair', keyId: entry.id };
  }
}
