// Owns the check of `X-Gateway-Assertion`: did a gateway whose keys are known let this request in, for this lease, now and only once.
// Knows neither where the keys come from nor what becomes of a refused request.
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
  /** The id of the lease. */
  readonly audience: string;
  readonly nowMs: () => number;
}

/** Clocks of two machines. */
const skewSeconds = 5;
/** An Ed25519 assertion has some 600 bytes. */
const maxCharacters = 8192;
/** No assertion may be good for longer: what was used has to be remembered for so long. */
const maxSeconds = 120;
/** At some 100 bytes each. When it is full nothing that is bound to a request passes, rather than some of it twice. */
const maxRemembered = 200_000;

const form = /^([\w-]+)\.([\w-]+)\.([\w-]+)$/;

type Json = Readonly<Record<string, unknown>>;

export class AssertionCheck {
  readonly #options: AssertionCheckOptions;
  #keys: ReadonlyMap<string, KeyObject> = new Map();
  /** jti -> seconds since 1970 after which it may be forgotten; in the order of use. */
  readonly #used = new Map<string, number>();

  constructor(options: AssertionCheckOptions) {
    this.#options = options;
  }

  /** From now on these. Throws for what is no key set with Ed25519 keys. */
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

  /** Undefined: it is good. It has been used then, where it is bound to one request. */
  faultOf(assertion: string | undefined, request: CheckedRequest): AssertionFault | undefined {
    if (assertion === undefined) return 'missing';
    const [, head, body, signature] = (assertion.length <= maxCharacters ? form.exec(assertion) : null) ?? [];
    if (head === undefined || body === undefined || signature === undefined) return 'malformed';
    const [header, claims] = [decoded(head), decoded(body)];
    // The algorithm is ours to say, never the sender's (RFC 8725 §3.1).
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
