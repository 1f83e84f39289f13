// Signed messages: the wrapper around lease requests and handshake messages, and the two handshake
// messages, which share one format. Does not verify signatures.
import { decodeStrictly, encode } from './codec.ts';
import { InitPayloadSchema, SignedPayloadSchema } from './gen/packets_pb.js';
import { copyBytes, identityInit, identityOf, type WireIdentity } from './wire-types.ts';

/** `data` is the signed bytes; the receiver must verify the signature. */
export interface SignedPayload {
  readonly data: Uint8Array;
  readonly signature: Uint8Array;
}

/** ClientInit and ServerInit. */
export interface InitPayload {
  /** Only version 0 exists. */
  readonly version: number;
  readonly nonce: Uint8Array;
  /** Unix seconds. */
  readonly timestamp: bigint;
  readonly identity: WireIdentity | undefined;
  readonly alpn: string;
  /** X25519. */
  readonly sessionPublicKey: Uint8Array;
}

export function encodeSigned(signed: SignedPayload): Uint8Array {
  return encode(SignedPayloadSchema, signed);
}

/** Throws PortalError packet_malformed. */
export function decodeSigned(bytes: Uint8Array): SignedPayload {
  const { data, signature } = decodeStrictly(SignedPayloadSchema, bytes);
  return { data: copyBytes(data), signature: copyBytes(signature) };
}

export function encodeInit(init: InitPayload): Uint8Array {
  return encode(InitPayloadSchema, {
    ...init,
    identity: identityInit(init.identity),
  });
}

/** Throws PortalError packet_malformed. */
export function decodeInit(bytes: Uint8Array): InitPayload {
  const { version, nonce, timestamp, identity, alpn, sessionPublicKey } = decodeStrictly(InitPayloadSchema, bytes);
  return {
    version,
    nonce: copyBytes(nonce),
    timestamp,
    identity: identityOf(identity),
    alpn,
    sessionPublicKey: copyBytes(sessionPublicKey),
  };
}
