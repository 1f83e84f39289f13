// Verifies `X-Gateway-Assertion`: signed by a known gateway key, for this lease, valid now and used
// only once. Does not fetch the keys and does not build the response to a rejected request.
import { createPublicKey, hash, type KeyObject, verify } from 'node:crypto';

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
/** Maximum lifetime of an assertion: used ones must be remembered for this long. */
const maxSeconds = 120;
/**
 * About 100 bytes each. When the memory is full, all request-bound assertions are rejected, because
 * a replay could not be detected.
 */
const maxRemembered = 200_000;

const form = /^([\w-]+)\.([\w-]+)\.([\w-]+)$/;

type Json = Readonly<Record<string, unknown>>;

export class AssertionCheck {
  readonly #options: AssertionCheckOptions;
  #keys: ReadonlyMap<string, KeyObject> = new Map();
  /** jti -> time in seconds since 1970 after which it may be dropped; in order of use. */
  readonly #used = new Map<string, number>();

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
    if (keys.length === 0) throw new TypeError('no key set with an Ed25519 key');
    this.#keys = new Map(keys);
  }

  /** Undefined: the assertion is valid. If it is bound to one request, it is now used up. */
  faultOf(assertion: string | undefined, request: CheckedRequest): AssertionFault | undefined {
    if (assertion === undefined) return 'missing';
    const [, head, body, signature] = (assertion.length <= maxCharacters ? form.exec(assertion) : null) ?? [];
    if (head === undefined || body === undefined || signature === undefined) return 'malformed';
    const [header, claims] = [decoded(head), decoded(body)];
    // The verifier chooses the algorithm, never the sender (RFC 8725 §3.1).
    if (header?.['alg'] !== 'EdDSA' || claims === undefined) return 'malformed';
    const key = this.#keys.get(String(header['kid']));
    if (key === undefined) return 'unknown_key';
    if (!verify(null, Buffer.from(`${head}.${body}`), key, Buffer.from(signature, 'base64url'))) return 'bad_signature';
    return this.#claimFault(claims, request);
  }

  #claimFault(claims: Json, { method, target }: CheckedRequest): AssertionFault | undefined {
    const { aud, iat, exp, jti, htm, target_sha256 } = claims;
    const now = this.#options.nowMs() / 1000;
    if (aud !== this.#options.audience) return 'wrong_audience';
    if (typeof iat !== 'number' || typeof exp !== 'number' || exp - iat > maxSeconds) return 'malformed';
    if (now >= exp + skewSeconds) return 'expired';
    if (now < iat - skewSeconds) return 'not_yet';
    if (jti === undefined && htm === undefined && target_sha256 === undefined) return undefined;
    if (typeof jti !== 'string') return 'malformed';
    if (htm !== method || target_sha256 !== hash('sha256', target, 'base64url')) return 'other_request';
    return this.#use(jti, exp + skewSeconds, now) ? undefined : 'replayed';
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

function decoded(part: string): Json | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, 'base64url').toString('utf8'));
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
