// Derives the keys of both directions from two X25519 keys and two nonces.
import {
  createPrivateKey,
  createPublicKey,
  createSecretKey,
  diffieHellman,
  generateKeyPairSync,
  hkdfSync,
  type KeyObject,
} from 'node:crypto';
import { PortalError } from '../errors.ts';

const sessionKeyBytes = 32;
const directionKeyBytes = 32;

/** DER prefix of RFC 8410 up to the raw key. */
const pkcs8X25519Prefix = Buffer.from('302e020100300506032b656e04220420', 'hex');
const spkiX25519Prefix = Buffer.from('302a300506032b656e032100', 'hex');

export interface DirectionKeys {
  readonly clientToServer: KeyObject;
  readonly serverToClient: KeyObject;
}

export function createSessionKey(): KeyObject {
  return generateKeyPairSync('x25519').privateKey;
}

/** For replaying recorded handshakes. */
export function sessionKeyFromBytes(privateKey: Uint8Array): KeyObject {
  return createPrivateKey({ key: Buffer.concat([pkcs8X25519Prefix, privateKey]), format: 'der', type: 'pkcs8' });
}

export function sessionPublicKeyOf(sessionKey: KeyObject): Uint8Array {
  return createPublicKey(sessionKey).export({ format: 'der', type: 'spki' }).subarray(spkiX25519Prefix.length);
}

/**
 * Throws PortalError handshake_session_key if the peer's key does not have 32 bytes or gives the
 * all-zero secret.
 */
export function deriveKeys(
  ownSessionKey: KeyObject,
  peerSessionKey: Uint8Array,
  clientNonce: Uint8Array,
  serverNonce: Uint8Array,
): DirectionKeys {
  const shared = sharedSecret(ownSessionKey, peerSessionKey);
  try {
    return {
      clientToServer: directionKey(shared, Buffer.concat([clientNonce, serverNonce]), 'RDSEC_KEY_CLIENT'),
      serverToClient: directionKey(shared, Buffer.concat([serverNonce, clientNonce]), 'RDSEC_KEY_SERVER'),
    };
  } finally {
    shared.fill(0);
  }
}

function sharedSecret(privateKey: KeyObject, peerSessionKey: Uint8Array): Buffer {
  if (peerSessionKey.length !== sessionKeyBytes) {
    throw new PortalError(
      'handshake_session_key',
      `a session key has ${sessionKeyBytes} bytes, not ${peerSessionKey.length}`,
    );
  }
  const der = Buffer.concat([spkiX25519Prefix, peerSessionKey]);
  try {
    // OpenSSL rejects points of low order, whose secret would be all zero (RFC 7748 §6.1).
    return diffieHellman({ privateKey, publicKey: createPublicKey({ key: der, format: 'der', type: 'spki' }) });
  } catch (error) {
    throw new PortalError('handshake_session_key', "the peer's session key yields no shared secret", { cause: error });
  }
}

function directionKey(shared: Buffer, salt: Buffer, info: string): KeyObject {
  const bytes = Buffer.from(hkdfSync('sha256', shared, salt, info, directionKeyBytes));
  try {
    return createSecretKey(bytes);
  } finally {
    bytes.fill(0);
  }
}
