// Lease updates and deletes: requests to the relay, each with its response on a stream of its own.
// The lease list is requested by list-request.ts. Does not interpret the response code.
import { randomBytes } from 'node:crypto';
import { PortalError } from './errors.ts';
import type { Credential } from './identity.ts';
import type { LeaseOffer } from './lease.ts';
import { MessageStream } from './message-stream.ts';
import { MessageReader } from './packets/message-reader.ts';
import { decodePacket, encodePacket, signLeaseDelete, signLeaseUpdate, type Packet } from './packets/packets.ts';
import type { Mux } from './yamux/mux.ts';

const maxResponseBytes = 64 * 1024;
const nonceBytes = 12;

/**
 * Registers or renews a lease until `expiresAtMs`. Returns the relay's response code. Throws
 * PortalError packet_unexpected, packet_malformed, packet_too_large, the session's error, or the
 * abort reason of `signal`.
 */
export async function requestLeaseUpdate(
  mux: Mux,
  offer: LeaseOffer,
  times: { readonly nowMs: number; readonly expiresAtMs: number },
  signal: AbortSignal,
): Promise<number> {
  const { credential, name, alpn, metadata = '' } = offer;
  const lease = {
    identity: identityOf(credential),
    expires: seconds(times.expiresAtMs),
    name,
    alpn: [...alpn],
    metadata,
  };
  const request = { lease, nonce: randomBytes(nonceBytes), timestamp: seconds(times.nowMs) };
  const packet = signLeaseUpdate(request, (data) => credential.sign(data));
  const response = await exchange(mux, packet, maxResponseBytes, signal);
  if (response.type !== 'leaseUpdateResponse') throw unexpected('a lease update', response);
  return response.code;
}

/**
 * Withdraws the credential's lease. Returns the relay's response code. Throws as
 * requestLeaseUpdate.
 */
export async function requestLeaseDelete(
  mux: Mux,
  credential: Credential,
  nowMs: number,
  signal: AbortSignal,
): Promise<number> {
  const request = { identity: identityOf(credential), nonce: randomBytes(nonceBytes), timestamp: seconds(nowMs) };
  const packet = signLeaseDelete(request, (data) => credential.sign(data));
  const response = await exchange(mux, packet, maxResponseBytes, signal);
  if (response.type !== 'leaseDeleteResponse') throw unexpected('a lease delete', response);
  return response.code;
}

async function exchange(mux: Mux, request: Packet, limitBytes: number, signal: AbortSignal): Promise<Packet> {
  const pipe = await mux.open(signal);
  try {
    const messages = new MessageStream(pipe, new MessageReader(limitBytes));
    pipe.write([encodePacket(request)]);
    const response = await messages.next(signal);
    if (response === undefined)
      throw new PortalError('packet_unexpected', `the relay ended a ${request.type} without a response`);
    return decodePacket(response);
  } finally {
    // Each stream carries one request: discard further input.
    pipe.reset();
  }
}

function identityOf({ id, publicKey }: Credential): { id: string; publicKey: Uint8Array } {
  return { id, publicKey };
}

function seconds(ms: number): bigint {
  return BigInt(Math.floor(ms / 1000));
}

function unexpected(to: string, response: Packet): PortalError {
  return new PortalError('packet_unexpected', `the relay responded to ${to} with a ${response.type}`);
}
