// Signs `X-Gateway-Assertion`, a JWT that identifies the caller to an app
// (docs/guides/assertions.md). Neither decides which leases get one nor stores the keys.
import { hash, randomUUID, sign } from 'node:crypto';
import type { Principal } from '../guard/principal.ts';
import type { Clock } from '../kernel/clock.ts';
import { currentKey, type SigningKey } from './signing-keys.ts';

export interface Assertion {
  /** gateway.public_url */
  readonly issuer: string;
  readonly leaseId: string;
  readonly principal: Principal;
}

export interface AssertedRequest {
  readonly method: string;
  /** Path and query, as sent to the app. */
  readonly target: string;
}

export interface SignerParts {
  readonly keys: () => readonly SigningKey[];
  readonly clock: Clock;
}

interface Kept {
  readonly assertion: string;
  readonly untilMs: number;
}

/**
 * An assertion is reused for up to 30 s and must stay valid for 30 s more, hence 60 s in all. The
 * lifetime is the same for one that is never reused.
 */
const reusedForMs = 30_000;
const validForSeconds = { none: 60, request: 30 } as const;
/**
 * Pairs of caller and lease that are busy at the same time. Beyond this, the oldest assertion is
 * dropped and signed again on its next use, which takes about 40 us.
 */
const maxKept = 10_000;

export class AssertionSigner {
  readonly #parts: SignerParts;
  /** In the order of signing, oldest first. */
  readonly #kept = new Map<string, Kept>();
  /** All requests of a key share one principal object. */
  readonly #whoTexts = new WeakMap<Principal, string>();

  constructor(parts: SignerParts) {
    this.#parts = parts;
  }

  /** `bind: none`. Returns undefined while there is no key. */
  forLease(about: Assertion): string | undefined {
    const nowMs = this.#parts.clock.wallMs();
    const key = this.#key(nowMs);
    if (key === undefined) return undefined;
    // The cache key has everything that goes into the token, so no two callers share one. Only the
    // last part can contain a line break, so the parts cannot run together.
    const name = `${key.kid}\n${about.issuer}\n${about.leaseId}\n${this.#whoText(about.principal)}`;
    const kept = this.#kept.get(name);
    if (kept !== undefined && nowMs < kept.untilMs && nowMs >= kept.untilMs - reusedForMs) return kept.assertion;
    const assertion = signed(key, claimsOf(about, nowMs, validForSeconds.none));
    this.#kept.delete(name);
    this.#kept.set(name, { assertion, untilMs: nowMs + reusedForMs });
    for (const oldest of this.#kept.keys()) {
      if (this.#kept.size <= maxKept) break;
      this.#kept.delete(oldest);
    }
    return assertion;
  }

  /** `bind: request`: valid for this request only. Returns undefined while there is no key. */
  forRequest(about: Assertion, { method, target }: AssertedRequest): string | undefined {
    const nowMs = this.#parts.clock.wallMs();
    const key = this.#key(nowMs);
    if (key === undefined) return undefined;
    return signed(key, {
      ...claimsOf(about, nowMs, validForSeconds.request),
      // 122 random bits.
      jti: randomUUID(),
      htm: method,
      target_sha256: hash('sha256', target, 'base64url'),
    });
  }

  #whoText(principal: Principal): string {
    let text = this.#whoTexts.get(principal);
    if (text === undefined) {
      text = JSON.stringify(whoOf(principal));
      this.#whoTexts.set(principal, text);
    }
    return text;
  }

  #key(nowMs: number): SigningKey | undefined {
    return currentKey(this.#parts.keys(), nowMs);
  }
}

function claimsOf({ issuer, leaseId, principal }: Assertion, nowMs: number, validSeconds: number): object {
  const iat = Math.floor(nowMs / 1000);
  return { iss: issuer, aud: leaseId, ...whoOf(principal), iat, exp: iat + validSeconds };
}

/**
 * `kind` is sent beside `sub`, because the subject of a token may be chosen to look like a key id.
 */
function whoOf({ id, kind, scopes, subject, tenant }: Principal): object {
  return { sub: subject ?? id, kind, scope: scopes.join(' '), ...(tenant !== undefined && { tenant }) };
}

/**
 * RFC 7515 §7.1, RFC 8037 §3.1. Not jose's SignJWT: it is asynchronous, where the pipeline is
 * not, and takes 74 us of CPU instead of 41.
 */
function signed({ kid, privateKey }: SigningKey, claims: object): string {
  const input = `${encoded({ alg: 'EdDSA', typ: 'JWT', kid })}.${encoded(claims)}`;
  return `${input}.${sign(null, Buffer.from(input), privateKey).toString('base64url')}`;
}

function encoded(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}
