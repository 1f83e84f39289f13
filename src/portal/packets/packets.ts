// Converts the control packets of Portal v1 between bytes and typed objects. Decodes strictly and
// encodes like the Go encoder. Does not handle streams or act on packets.
import { PortalError } from '../errors.ts';
import { decodeStrictly, encode } from './codec.ts';
import * as wire from './gen/packets_pb.js';
import { prefixLength } from './length-prefix.ts';
import { decodeSigned, encodeSigned, type SignedPayload } from './signed-payload.ts';
import {
  copyBytes,
  identityInit,
  identityOf,
  leaseInit,
  leaseOf,
  type LeaseDelete,
  type LeaseUpdate,
  relayInfoInit,
  relayInfoOf,
  type WireIdentity,
  type WireRelayInfo,
} from './wire-types.ts';

/**
 * Response codes of lease and connection requests. The relay forwards an app's code unchanged, so
 * any int32 may arrive.
 */
export const ResponseCode = {
  UNKNOWN: 0,
  ACCEPTED: 1,
  INVALID_EXPIRES: 2,
  INVALID_IDENTITY: 3,
  INVALID_NAME: 4,
  INVALID_ALPN: 5,
  REJECTED: 6,
  /** Our extension, sent by apps: the client is not admitted (docs/protocol.md#response-codes). */
  CLIENT_NOT_ADMITTED: 64,
  /** Our extension, sent by relays: the timestamp of a lease request is outside the tolerance. */
  CLOCK_SKEW: 65,
} as const;

export type Packet =
  | { readonly type: 'relayInfoRequest' }
  | { readonly type: 'relayInfoResponse'; readonly relayInfo: WireRelayInfo | undefined }
  | { readonly type: 'leaseUpdateRequest'; readonly signed: SignedPayload; readonly request: LeaseUpdate }
  | { readonly type: 'leaseUpdateResponse'; readonly code: number }
  | { readonly type: 'leaseDeleteRequest'; readonly signed: SignedPayload; readonly request: LeaseDelete }
  | { readonly type: 'leaseDeleteResponse'; readonly code: number }
  | { readonly type: 'connectionRequest'; readonly leaseId: string; readonly clientIdentity: WireIdentity | undefined }
  | { readonly type: 'connectionResponse'; readonly code: number };

type Sign = (data: Uint8Array) => Uint8Array;

/** A lease update, signed by the lease's credential. */
export function signLeaseUpdate(request: LeaseUpdate, sign: Sign): Packet & { type: 'leaseUpdateRequest' } {
  const data = encode(wire.LeaseUpdateRequestSchema, { ...request, lease: leaseInit(request.lease) });
  return { type: 'leaseUpdateRequest', signed: { data, signature: sign(data) }, request };
}

/** A lease delete, signed by the lease's credential. */
export function signLeaseDelete(request: LeaseDelete, sign: Sign): Packet & { type: 'leaseDeleteRequest' } {
  const data = encode(wire.LeaseDeleteRequestSchema, { ...request, identity: identityInit(request.identity) });
  return { type: 'leaseDeleteRequest', signed: { data, signature: sign(data) }, request };
}

/** Length and packet, ready for the stream. For a signed request the bytes of `signed` are sent. */
export function encodePacket(packet: Packet): Buffer {
  return prefixLength(encode(wire.PacketSchema, { type: typeNumbers[packet.type], payload: encodePayload(packet) }));
}

/**
 * Decodes a packet without its length. Throws PortalError packet_malformed; packet_unexpected for
 * an unknown type.
 */
export function decodePacket(bytes: Uint8Array): Packet {
  const { type, payload } = decodeStrictly(wire.PacketSchema, bytes);
  switch (type) {
    case wire.PacketType.RELAY_INFO_REQUEST:
      decodeStrictly(wire.RelayInfoRequestSchema, payload);
      return { type: 'relayInfoRequest' };
    case wire.PacketType.RELAY_INFO_RESPONSE:
      return {
        type: 'relayInfoResponse',
        relayInfo: relayInfoOf(decodeStrictly(wire.RelayInfoResponseSchema, payload).relayInfo),
      };
    case wire.PacketType.LEASE_UPDATE_REQUEST: {
      const signed = decodeSigned(payload);
      const { lease, nonce, timestamp } = decodeStrictly(wire.LeaseUpdateRequestSchema, signed.data);
      return {
        type: 'leaseUpdateRequest',
        signed,
        request: { lease: leaseOf(lease), nonce: copyBytes(nonce), timestamp },
      };
    }
    case wire.PacketType.LEASE_UPDATE_RESPONSE:
      return { type: 'leaseUpdateResponse', code: decodeStrictly(wire.LeaseUpdateResponseSchema, payload).code };
    case wire.PacketType.LEASE_DELETE_REQUEST: {
      const signed = decodeSigned(payload);
      const { identity, nonce, timestamp } = decodeStrictly(wire.LeaseDeleteRequestSchema, signed.data);
      return {
        type: 'leaseDeleteRequest',
        signed,
        request: { identity: identityOf(identity), nonce: copyBytes(nonce), timestamp },
      };
    }
    case wire.PacketType.LEASE_DELETE_RESPONSE:
      return { type: 'leaseDeleteResponse', code: decodeStrictly(wire.LeaseDeleteResponseSchema, payload).code };
    case wire.PacketType.CONNECTION_REQUEST: {
      const { leaseId, clientIdentity } = decodeStrictly(wire.ConnectionRequestSchema, payload);
      return { type: 'connectionRequest', leaseId, clientIdentity: identityOf(clientIdentity) };
    }
    case wire.PacketType.CONNECTION_RESPONSE:
      return { type: 'connectionResponse', code: decodeStrictly(wire.ConnectionResponseSchema, payload).code };
    default:
      throw new PortalError('packet_unexpected', `unknown packet type ${String(type satisfies never)}`);
  }
}

const typeNumbers: Readonly<Record<Packet['type'], wire.PacketType>> = {
  relayInfoRequest: wire.PacketType.RELAY_INFO_REQUEST,
  relayInfoResponse: wire.PacketType.RELAY_INFO_RESPONSE,
  leaseUpdateRequest: wire.PacketType.LEASE_UPDATE_REQUEST,
  leaseUpdateResponse: wire.PacketType.LEASE_UPDATE_RESPONSE,
  leaseDeleteRequest: wire.PacketType.LEASE_DELETE_REQUEST,
  leaseDeleteResponse: wire.PacketType.LEASE_DELETE_RESPONSE,
  connectionRequest: wire.PacketType.CONNECTION_REQUEST,
  connectionResponse: wire.PacketType.CONNECTION_RESPONSE,
};

function encodePayload(packet: Packet): Uint8Array {
  switch (packet.type) {
    case 'relayInfoRequest':
      return encode(wire.RelayInfoRequestSchema, {});
    case 'relayInfoResponse':
      return encode(wire.RelayInfoResponseSchema, { relayInfo: relayInfoInit(packet.relayInfo) });
    case 'leaseUpdateRequest':
    case 'leaseDeleteRequest':
      return encodeSigned(packet.signed);
    case 'leaseUpdateResponse':
      return encode(wire.LeaseUpdateResponseSchema, { code: packet.code });
    case 'leaseDeleteResponse':
      return encode(wire.LeaseDeleteResponseSchema, { code: packet.code });
    case 'connectionRequest':
      return encode(wire.ConnectionRequestSchema, {
        leaseId: packet.leaseId,
        clientIdentity: identityInit(packet.clientIdentity),
      });
    case 'connectionResponse':
      return encode(wire.ConnectionResponseSchema, { code: packet.code });
  }
}
