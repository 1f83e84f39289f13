// Verifies `X-Gateway-Assertion`: signed by a known gateway key, for this lease, valid now and used
// only once. Does not fetch the keys and does not build the response to a rejected request.
// jose verifies in Node's thread pool: a check takes 10 to 90 us of CPU more than the 115 of
// crypto.verify() and own claim checks, most when few run at once, but blocks the event loop for 20
// to 40 us only. Assertions that serve many requests are remembered, which takes 1 us.
import { createPublicKey, hash, type KeyObject } from 'node:crypto';
import type { JWTHeaderParameters, JWTPayload, JWTVerifyOptions } from 'jose';
import { JOSEError, JWKSNoMatchingKey, JWTClaimValidationFailed } from 'jose/errors';
import { jwtVerify } from 'jose/jwt/verify';

export interface CheckedRequest {
  readonly method: string;
  readonly target: string;
}

export type AssertionFault =
  | 'missing'
  | 'malformed'
  | 'unknown_key'
  | 'bad_signature'
  | 'wrong_audience'
  | 'expired'
  | 'not_yet'
  | 'other_request'
  | 'replayed';

export interface AssertionCheckOptions {
  /** The lease id. */
  readonly audience: string;
  readonly nowMs: () => number;
}

/** Tolerated difference between the clocks of two machines. */
const skewSeconds = 5;
/** An Ed25519 assertion has some 600 bytes. */
const maxCharacters = 8192;
/** The compact serialisation (RFC 7515 §7.1), in base64url without padding. */
const compactForm = /^[\w-]+\.[\w-]+\.[\w-]+$/;
/** Maximum lifetime of an assertion: used ones must be remembered for this long. */
const maxSeconds = 120;
/**
 * About 100 bytes each. When the memory is full, all request-bound assertions are rejected, because
 * a replay could not be detected.
 */
const maxRemembered = 200_000;
/**
 * Valid assertions that are bound to no request, some 150 bytes each: busy callers at the same
 * time. Beyond this the oldest is checked in full again.
 */
const maxVerified = 10_000;

/** By the code of jose's error. Everything else is malformed. */
const faults: Readonly<Record<string, AssertionFault>> = {
  ERR_JWKS_NO_MATCHING_KEY: 'unknown_key',
  ERR_JWS_SIGNATURE_VERIFICATION_FAILED: 'bad_signature',
  ERR_JWT_EXPIRED: 'expired',
};

type Json = Readonly<Record<string, unknown>>;

interface Validity {
  readonly fromMs: number;
  readonly untilMs: number;
}

export class AssertionCheck {
  readonly #options: AssertionCheckOptions;
  #keys: ReadonlyMap<string, KeyObject> = new Map();
  /** jti -> time in seconds since 1970 after which it may be dropped; in order of use. */
  readonly #used = new Map<string, number>();
  /** By digest, since the text of an assertion keeps the whole request head in memory. */
  #verified = new Map<string, Validity>();

  constructor(options: AssertionCheckOptions) {
    this.#options = options;
  }

  /** Replaces the keys. Throws TypeError if `jwks` is not a key set with an Ed25519 key. */
  setKeys(jwks: unknown): void {
    const listed = isObject(jwks) && Array.isArray(jwks['keys']) ? (jwks['keys'] as unknown[]) : [];
    const keys = listed.filter(isObject).flatMap((jwk) => {
      const { kty, crv, x, kid } = jwk;
      if (kty !== 'OKP' || crv !== 'Ed25519' || typeof x !== 'string' || typeof kid !== 'string') return [];
      return [[kid, createPublicKey({ key: { kty, crv, x }, format: 'jwk' })] as const];
    });
    if (keys.length === 0) throw new TypeError('not a key set with an Ed25519 key');
    this.#keys = new Map(keys);
    this.#verified = new Map();
  }

  /** Undefined: the assertion is valid. If it is bound to one request, it is now used up. */
  async faultOf(assertion: string | undefined, request: CheckedRequest): Promise<AssertionFault | undefined> {
    if (assertion === undefined) return 'missing';
    // jose also accepts padding and spaces: then one assertion would have any number of spellings,
    // each remembered for itself.
    if (assertion.length > maxCharacters || !compactForm.test(assertion)) return 'malformed';
    const nowMs = this.#options.nowMs();
    const digest = hash('sha256', assertion, 'base64url');
    const known = this.#verified.get(digest);
    if (known !== undefined && nowMs >= known.fromMs && nowMs < known.untilMs) return undefined;
    const options: JWTVerifyOptions = {
      // The verifier chooses the algorithm, never the sender (RFC 8725 §3.1).
      algorithms: ['EdDSA'],
      audience: this.#options.audience,
      requiredClaims: ['exp'],
      maxTokenAge: maxSeconds,
      clockTolerance: skewSeconds,
      currentDate: new Date(nowMs),
    };
    // Of the keys that check this assertion: others may be set before it is remembered.
    const verified = this.#verified;
    try {
      const { payload } = await jwtVerify(assertion, this.#keyOf, options);
      const { aud, iat = NaN, exp = NaN, nbf = iat, jti, htm, target_sha256 } = payload;
      // jose accepts a list that contains the audience; the gateway never sends one.
      if (aud !== this.#options.audience) return 'wrong_audience';
      if (!(exp - iat <= maxSeconds)) return 'malformed';
      if (jti !== undefined || htm !== undefined || target_sha256 !== undefined) {
        return this.#bindingFault(payload, exp + skewSeconds, request);
      }
      remember(verified, digest, {
        fromMs: (Math.max(iat, nbf) - skewSeconds) * 1000,
        untilMs: (exp + skewSeconds) * 1000,
      });
      return undefined;
    } catch (error) {
      return faultIn(error);
    }
  }

  readonly #keyOf = ({ kid }: JWTHeaderParameters): KeyObject => {
    const key = this.#keys.get(String(kid));
    if (key === undefined) throw new JWKSNoMatchingKey();
    return key;
  };

  #bindingFault(claims: JWTPayload, until: number, { method, target }: CheckedRequest): AssertionFault | undefined {
    const { jti, htm, target_sha256 } = claims;
    if (typeof jti !== 'string') return 'malformed';
    if (htm !== method || target_sha256 !== hash('sha256', target, 'base64url')) return 'other_request';
    // The time has passed on while the signature was checked, and used ids may have been dropped.
    const now = this.#options.nowMs() / 1000;
    if (now >= until) return 'expired';
    return this.#use(jti, until, now) ? undefined : 'replayed';
  }

  #use(jti: string, until: number, now: number): boolean {
    for (const [oldest, end] of this.#used) {
      if (end > now) break;
      this.#used.delete(oldest);
    }
    if (this.#used.has(jti) || this.#used.size >= maxRemembered) return false;
    this.#used.set(jti, until);
    return true;
  }
}

function remember(verified: Map<string, Validity>, digest: string, validity: Validity): void {
  verified.set(digest, validity);
  for (const oldest of verified.keys()) {
    if (verified.size <= maxVerified) break;
    verified.delete(oldest);
  }
}

function faultIn(error: unknown): AssertionFault {
  if (error instanceof JWTClaimValidationFailed && error.reason !== 'invalid') {
    if (error.claim === 'aud') return 'wrong_audience';
    if (error.claim === 'iat' && error.reason === 'check_failed') return 'not_yet';
  }
  return error instanceof JOSEError ? (faults[error.code] ?? 'malformed') : 'malformed';
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
