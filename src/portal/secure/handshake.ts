// Both roles of the end-to-end handshake as pure steps: bytes in, bytes and keys out. Has no stream
// or clock and does not look leases up.
import { randomBytes, type KeyObject } from 'node:crypto';
import { clockToleranceSeconds } from '../../kernel/clock-skew.ts';
import { ClockSkewError, PortalError, type PortalErrorCode } from '../errors.ts';
import { type Credential, type Identity, validateIdentity, verify } from '../identity.ts';
import { prefixLength } from '../packets/length-prefix.ts';
import { decodeInit, decodeSigned, encodeInit, encodeSigned, type InitPayload } from '../packets/signed-payload.ts';
import { createSessionKey, deriveKeys, sessionPublicKeyOf } from './key-schedule.ts';

/**
 * Source of the handshake's secrets. Default: Node's random source. Override it only to replay
 * recorded handshakes.
 */
export interface HandshakeSecrets {
  readonly random?: (bytes: number) => Uint8Array;
  /** A fresh X25519 private key. */
  readonly sessionKey?: () => KeyObject;
}

interface HandshakeOptions extends HandshakeSecrets {
  readonly credential: Credential;
  /** Unix milliseconds. */
  readonly now: () => number;
}

export interface ClientHandshakeOptions extends HandshakeOptions {
  readonly alpn: string;
}

export interface ServerHandshakeOptions extends HandshakeOptions {
  readonly alpns: readonly string[];
  /** Called with the proven client id. Default: every client is admitted. */
  readonly allowClient?: (clientId: string) => boolean;
}

export interface HandshakeResult {
  /** Proven by the peer's signature. */
  readonly peerId: string;
  readonly alpn: string;
  readonly sendKey: KeyObject;
  readonly receiveKey: KeyObject;
}

export interface ClientHandshake {
  /** Length and signed ClientInit, ready to be sent. */
  readonly message: Buffer;
  /**
   * Takes the app's response without its length. Throws PortalError handshake_*;
   * handshake_lease_mismatch if the responder does not hold the dialled lease, even if its
   * signature is valid.
   */
  finish(reply: Uint8Array, expectedLeaseId: string): HandshakeResult;
}

const protocolVersion = 0;
const nonceBytes = 12;
/**
 * Replaces the alpn in a ServerInit without a session key: the app rejects the client's timestamp
 * (docs/protocol.md#clocks).
 */
const clockRefusal = 'clock_skew';

export function startClientHandshake(options: ClientHandshakeOptions): ClientHandshake {
  const own = createInit(options, options.alpn);
  return {
    message: own.message,
    finish(reply, expectedLeaseId) {
      const { init, data, signature } = decode(reply);
      checkVersion(init);
      checkTime(init, 'app', options.now, () => checkIdentity(init, data, signature).id === expectedLeaseId);
      const peer = checkIdentity(init, data, signature);
      if (peer.id !== expectedLeaseId) {
        fail('handshake_lease_mismatch', `${peer.id} responded for the lease ${expectedLeaseId}`);
      }
      if (init.alpn === clockRefusal && init.sessionPublicKey.length === 0)
        throw skewError(init, 'app', skewSecondsOf(init, options.now));
      // The Go client accepts any alpn. Accepting one that was not requested would mean speaking a
      // protocol that the app does not.
      if (init.alpn !== options.alpn) {
        fail(
          'handshake_alpn',
          `the app responded with alpn ${JSON.stringify(init.alpn)} to ${JSON.stringify(options.alpn)}`,
        );
      }
      checkNonce(init);
      const keys = deriveKeys(own.sessionKey, init.sessionPublicKey, own.nonce, init.nonce);
      return { peerId: peer.id, alpn: init.alpn, sendKey: keys.clientToServer, receiveKey: keys.serverToClient };
    },
  };
}

/**
 * The app's side: takes the client's message without its length, returns the response to send.
 * Throws PortalError handshake_*: close the stream without a response. Throws ClockSkewError:
 * respond with refuseTimestamp().
 */
export function respondToHandshake(
  options: ServerHandshakeOptions,
  clientInit: Uint8Array,
): { readonly message: Buffer; readonly result: HandshakeResult } {
  const { init, data, signature } = decode(clientInit);
  checkVersion(init);
  checkTime(init, 'client', options.now, () => checkIdentity(init, data, signature).id !== '');
  if (!options.alpns.includes(init.alpn))
    fail('handshake_alpn', `the client asked for alpn ${JSON.stringify(init.alpn)}`);
  const peer = checkIdentity(init, data, signature);
  if (options.allowClient?.(peer.id) === false) {
    fail('handshake_client_refused', `the client ${peer.id} is not admitted`);
  }
  checkNonce(init);
  const own = createInit(options, init.alpn);
  const keys = deriveKeys(own.sessionKey, init.sessionPublicKey, init.nonce, own.nonce);
  return {
    message: own.message,
    result: { peerId: peer.id, alpn: init.alpn, sendKey: keys.serverToClient, receiveKey: keys.clientToServer },
  };
}

/**
 * The response to a client whose timestamp was rejected: a ServerInit with the app's time and no
 * session key, which ends the handshake of any client. Our clients learn the clock difference from
 * it, signed by the app.
 */
export function refuseTimestamp({ credential, now, random = randomBytes }: HandshakeOptions): Buffer {
  return signedInit(credential, {
    nonce: random(nonceBytes),
    timestamp: unixSeconds(now()),
    alpn: clockRefusal,
    sessionPublicKey: new Uint8Array(0),
  });
}

interface OwnInit {
  readonly message: Buffer;
  readonly nonce: Uint8Array;
  readonly sessionKey: KeyObject;
}

function createInit(options: HandshakeOptions, alpn: string): OwnInit {
  const { credential, now, random = randomBytes } = options;
  const sessionKey = (options.sessionKey ?? createSessionKey)();
  const nonce = random(nonceBytes);
  const sessionPublicKey = sessionPublicKeyOf(sessionKey);
  const message = signedInit(credential, { nonce, timestamp: unixSeconds(now()), alpn, sessionPublicKey });
  return { message, nonce, sessionKey };
}

function signedInit(credential: Credential, fields: Omit<InitPayload, 'version' | 'identity'>): Buffer {
  const { id, publicKey } = credential;
  const data = encodeInit({ version: protocolVersion, identity: { id, publicKey }, ...fields });
  return prefixLength(encodeSigned({ data, signature: credential.sign(data) }));
}

function decode(message: Uint8Array): { init: InitPayload; data: Uint8Array; signature: Uint8Array } {
  try {
    const { data, signature } = decodeSigned(message);
    return { init: decodeInit(data), data, signature };
  } catch (error) {
    throw new PortalError('handshake_malformed', 'the handshake message cannot be decoded', { cause: error });
  }
}

function checkVersion(init: InitPayload): void {
  if (init.version !== protocolVersion) fail('handshake_version', `the peer speaks version ${init.version}`);
}

/** `isProven` may throw. The difference is reported only if the init's signature is valid. */
function checkTime(init: InitPayload, peer: 'app' | 'client', now: () => number, isProven: () => boolean): void {
  const skewSeconds = skewSecondsOf(init, now);
  if (Math.abs(skewSeconds) <= clockToleranceSeconds) return;
  throw skewError(init, peer, isTrue(isProven) ? skewSeconds : undefined);
}

function isTrue(check: () => boolean): boolean {
  try {
    return check();
  } catch (error) {
    if (error instanceof PortalError) return false;
    throw error;
  }
}

/** Our clock minus the peer's, in whole seconds like the Go peers. */
function skewSecondsOf(init: InitPayload, now: () => number): number {
  return Number(unixSeconds(now()) - init.timestamp);
}

/** `skewSeconds`: undefined if the peer's identity is not proven. */
function skewError({ identity }: InitPayload, peer: 'app' | 'client', skewSeconds: number | undefined): ClockSkewError {
  const peerId = skewSeconds === undefined ? undefined : identity?.id;
  return new ClockSkewError(peer, skewSeconds, `a handshake allows ${clockToleranceSeconds} s`, peerId);
}

function checkIdentity(init: InitPayload, data: Uint8Array, signature: Uint8Array): Identity {
  if (init.identity === undefined) fail('handshake_identity', 'the peer does not name its identity');
  try {
    validateIdentity(init.identity);
  } catch (error) {
    throw new PortalError('handshake_identity', "the peer's id does not derive from its key", { cause: error });
  }
  if (!verify(init.identity, data, signature)) fail('handshake_signature', "the peer's signature is invalid");
  return init.identity;
}

/**
 * The Go peers accept any length, which only affects the salts; a peer that cannot create a nonce
 * is not trustworthy.
 */
function checkNonce(init: InitPayload): void {
  if (init.nonce.length !== nonceBytes) {
    fail('handshake_nonce', `a nonce has ${nonceBytes} bytes, not ${init.nonce.length}`);
  }
}

function unixSeconds(unixMs: number): bigint {
  return BigInt(Math.floor(unixMs / 1000));
}

function fail(code: PortalErrorCode, message: string): never {
  throw new PortalError(code, message);
}
