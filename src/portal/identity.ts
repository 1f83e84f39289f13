// An identity: an Ed25519 key and the id derived from it. All operations with the private key are
// here, so it is exported only to the file that stores it.
import {
  createHmac,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  sign as signEd25519,
  verify as verifyEd25519,
} from 'node:crypto';
import { PortalError } from './errors.ts';

export { isLeaseId } from '../kernel/lease-name.ts';

export interface Identity {
  /** 26 characters A-Z2-7, derived from the public key. */
  readonly id: string;
  /** Ed25519, 32 bytes. */
  readonly publicKey: Uint8Array;
}

/** An identity with its private key. Logging or serialising it does not reveal the key. */
export interface Credential extends Identity {
  sign(data: Uint8Array): Buffer;
  /** The private key as PKCS#8 PEM, for the identity file. A secret. */
  exportPem(): string;
}

const publicKeyBytes = 32;
const seedBytes = 32;

/** The HMAC-SHA256 key with which every Portal v1 peer derives the id from the public key. */
const idKey = 'RDVERB_PROTOCOL_VER_01_SHA256_ID';
const idHashBytes = 16;

/**
 * DER prefix of RFC 8410 up to the raw key: the only way to import raw keys on all supported Node
 * versions.
 */
const pkcs8Ed25519Prefix = Buffer.from('302e020100300506032b657004220420', 'hex');
const spkiEd25519Prefix = Buffer.from('302a300506032b6570032100', 'hex');

/**
 * The encodings of the points of small order, sign bit cleared. Anyone can forge signatures for
 * such a key. Go accepts them, and OpenSSL depends on the version; we reject them on every Node.
 */
const smallOrderKeys: ReadonlySet<string> = new Set([
  `00${'00'.repeat(31)}`,
  `01${'00'.repeat(31)}`,
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
  `ec${'ff'.repeat(30)}7f`,
  `ed${'ff'.repeat(30)}7f`,
  `ee${'ff'.repeat(30)}7f`,
]);

export function createCredential(): Credential {
  return new Ed25519Credential(generateKeyPairSync('ed25519').privateKey);
}

/**
 * The seed is copied; the caller should zero its own. Throws PortalError identity_invalid unless it
 * has 32 bytes.
 */
export function credentialFromSeed(seed: Uint8Array): Credential {
  if (seed.length !== seedBytes) {
    throw new PortalError('identity_invalid', `an identity's seed has ${seedBytes} bytes, not ${seed.length}`);
  }
  const der = Buffer.concat([pkcs8Ed25519Prefix, seed]);
  try {
    return new Ed25519Credential(createPrivateKey({ key: der, format: 'der', type: 'pkcs8' }));
  } finally {
    der.fill(0);
  }
}

/**
 * Throws PortalError identity_invalid for anything but an Ed25519 private key in PEM; the error
 * never includes the text.
 */
export function credentialFromPem(pem: string | Buffer): Credential {
  let key: KeyObject;
  try {
    key = createPrivateKey({ key: pem, format: 'pem' });
  } catch (error) {
    throw new PortalError('identity_invalid', 'not a private key in PEM', { cause: error });
  }
  if (key.asymmetricKeyType !== 'ed25519') {
    throw new PortalError(
      'identity_invalid',
      `a private key of type ${key.asymmetricKeyType ?? 'unknown'}, not Ed25519`,
    );
  }
  return new Ed25519Credential(key);
}

export function leaseIdOf(publicKey: Uint8Array): string {
  return base32(createHmac('sha256', idKey).update(publicKey).digest().subarray(0, idHashBytes));
}

/**
 * Throws PortalError identity_invalid unless the key has 32 bytes and the id derives from it. Both
 * are public, so the comparison need not take constant time.
 */
export function validateIdentity(identity: Identity): void {
  if (identity.publicKey.length !== publicKeyBytes) {
    throw new PortalError(
      'identity_invalid',
      `a public key has ${publicKeyBytes} bytes, not ${identity.publicKey.length}`,
    );
  }
  if (identity.id !== leaseIdOf(identity.publicKey)) {
    throw new PortalError('identity_invalid', 'the id does not derive from the public key');
  }
}

/** Returns false for any invalid signature or key. */
export function verify(identity: Identity, data: Uint8Array, signature: Uint8Array): boolean {
  if (identity.publicKey.length !== publicKeyBytes || isSmallOrder(identity.publicKey)) return false;
  const der = Buffer.concat([spkiEd25519Prefix, identity.publicKey]);
  try {
    return verifyEd25519(null, data, createPublicKey({ key: der, format: 'der', type: 'spki' }), signature);
  } catch {
    return false;
  }
}

function isSmallOrder(publicKey: Uint8Array): boolean {
  const unsigned = Buffer.from(publicKey);
  unsigned.writeUInt8(unsigned.readUInt8(publicKeyBytes - 1) & 0x7f, publicKeyBytes - 1);
  return smallOrderKeys.has(unsigned.toString('hex'));
}

class Ed25519Credential implements Credential {
  readonly id: string;
  readonly publicKey: Uint8Array;
  readonly #privateKey: KeyObject;

  constructor(privateKey: KeyObject) {
    this.#privateKey = privateKey;
    const spki = createPublicKey(privateKey).export({ format: 'der', type: 'spki' });
    this.publicKey = new Uint8Array(spki.subarray(spkiEd25519Prefix.length));
    this.id = leaseIdOf(this.publicKey);
  }

  sign(data: Uint8Array): Buffer {
    return signEd25519(null, data, this.#privateKey);
  }

  exportPem(): string {
    return this.#privateKey.export({ format: 'pem', type: 'pkcs8' });
  }
}

/** RFC 4648 §6 without padding. */
function base32(bytes: Uint8Array): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
  let text = '';
  let bits = 0;
  let bitCount = 0;
  for (const byte of bytes) {
    bits = (bits << 8) | byte;
    bitCount += 8;
    while (bitCount >= 5) {
      bitCount -= 5;
      text += alphabet.charAt((bits >>> bitCount) & 31);
    }
  }
  return bitCount === 0 ? text : text + alphabet.charAt((bits << (5 - bitCount)) & 31);
}
