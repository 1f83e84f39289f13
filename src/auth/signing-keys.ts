// The keys that sign assertions: which one signs now, which ones are published, and when the next
// one is due. Pure: uses no file and no clock. These keys are never the gateway's identity on the
// relay network.
import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';

export interface SigningKey {
  /** RFC 7638: the thumbprint of the public key. */
  readonly kid: string;
  readonly privateKey: KeyObject;
  /**
   * When the key starts to sign, in milliseconds since 1970. It signs until the next key starts.
   */
  readonly fromMs: number;
}

/** RFC 8037 §2. */
export interface PublicJwk {
  readonly kty: 'OKP';
  readonly crv: 'Ed25519';
  readonly x: string;
  readonly kid: string;
  readonly alg: 'EdDSA';
  readonly use: 'sig';
}

const dayMs = 24 * 3_600_000;
const signsForMs = 30 * dayMs;
/**
 * A key is published this long before it signs and after its last signature: longer than apps cache
 * the published keys.
 */
const overlapMs = dayMs;

export function createSigningKey(fromMs: number): SigningKey {
  const { privateKey } = generateKeyPairSync('ed25519');
  return { kid: thumbprint(privateKey), privateKey, fromMs };
}

/** Throws when the text is not a private Ed25519 key. */
export function signingKeyFromPem(pem: string, fromMs: number): SigningKey {
  const privateKey = createPrivateKey(pem);
  if (privateKey.asymmetricKeyType !== 'ed25519') throw new TypeError('not an Ed25519 key');
  return { kid: thumbprint(privateKey), privateKey, fromMs };
}

/** The key that signs now. Undefined when none has started. */
export function currentKey(keys: readonly SigningKey[], nowMs: number): SigningKey | undefined {
  return keys
    .filter(({ fromMs }) => fromMs <= nowMs)
    .sort(byBeginning)
    .at(-1);
}

/**
 * Returns the keys that should exist now: creates the first or the next key when due, and drops
 * those that are no longer needed.
 */
export function rotated(keys: readonly SigningKey[], nowMs: number): readonly SigningKey[] {
  const sorted = [...keys].sort(byBeginning);
  // Drops keys whose successor has signed for so long that none of their assertions is still valid.
  const needed = sorted.filter((_, i) => (sorted[i + 1]?.fromMs ?? Infinity) > nowMs - overlapMs);
  if (currentKey(needed, nowMs) === undefined) return [createSigningKey(nowMs), ...needed];
  const newest = needed.at(-1);
  if (newest === undefined || nowMs < newest.fromMs + signsForMs - overlapMs) return needed;
  // After a long pause the next key must not start in the past: it has to be published first.
  return [...needed, createSigningKey(Math.max(newest.fromMs + signsForMs, nowMs + overlapMs))];
}

/** RFC 7517 §5: the key set that apps verify assertions with. */
export function publishedKeys(keys: readonly SigningKey[]): { readonly keys: readonly PublicJwk[] } {
  return {
    keys: keys.map(({ kid, privateKey }) => ({
      ...{ kty: 'OKP', crv: 'Ed25519', x: publicBytes(privateKey), kid, alg: 'EdDSA', use: 'sig' },
    })),
  };
}

function byBeginning(a: SigningKey, b: SigningKey): number {
  return a.fromMs - b.fromMs;
}

function publicBytes(privateKey: KeyObject): string {
  return createPublicKey(privateKey).export({ format: 'jwk' }).x ?? '';
}

/** RFC 7638 §3 and RFC 8037 Appendix A.3. */
function thumbprint(privateKey: KeyObject): string {
  const members = `{"crv":"Ed25519","kty":"OKP","x":"${publicBytes(privateKey)}"}`;
  return createHash('sha256').update(members).digest('base64url');
}
