// Plain types for the content of packets, converted to and from generated messages. Decoded values
// are copied, so that a kept lease does not keep the relay's whole response in memory.
import { create } from '@bufbuild/protobuf';
import {
  type Identity,
  IdentitySchema,
  type Lease,
  LeaseSchema,
  type RelayInfo,
  RelayInfoSchema,
} from './gen/packets_pb.js';

/** As received: claimed, not verified. */
export interface WireIdentity {
  readonly id: string;
  readonly publicKey: Uint8Array;
}

export interface WireLease {
  readonly identity: WireIdentity | undefined;
  /** Unix seconds. */
  readonly expires: bigint;
  readonly name: string;
  readonly alpn: readonly string[];
  /** JSON by convention. */
  readonly metadata: string;
}

export interface WireRelayInfo {
  readonly identity: WireIdentity | undefined;
  readonly address: readonly string[];
  readonly leases: readonly WireLease[];
}

export interface LeaseUpdate {
  readonly lease: WireLease | undefined;
  readonly nonce: Uint8Array;
  /** Unix seconds. */
  readonly timestamp: bigint;
}

export interface LeaseDelete {
  readonly identity: WireIdentity | undefined;
  readonly nonce: Uint8Array;
  /** Unix seconds. */
  readonly timestamp: bigint;
}

/** Copies the bytes: a subarray would keep the whole input alive. */
export function copyBytes(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes);
}

export function identityOf(message: Identity | undefined): WireIdentity | undefined {
  return message && { id: message.id, publicKey: copyBytes(message.publicKey) };
}

export function leaseOf(message: Lease | undefined): WireLease | undefined {
  return message && plainLease(message);
}

export function relayInfoOf(message: RelayInfo | undefined): WireRelayInfo | undefined {
  return (
    message && {
      identity: identityOf(message.identity),
      address: message.address,
      leases: message.leases.map(plainLease),
    }
  );
}

function plainLease({ identity, expires, name, alpn, metadata }: Lease): WireLease {
  return { identity: identityOf(identity), expires, name, alpn, metadata };
}

export function identityInit(identity: WireIdentity | undefined): Identity | undefined {
  return identity && create(IdentitySchema, { id: identity.id, publicKey: identity.publicKey });
}

export function leaseInit(lease: WireLease | undefined): Lease | undefined {
  return lease && leaseMessage(lease);
}

export function relayInfoInit(info: WireRelayInfo | undefined): RelayInfo | undefined {
  return (
    info &&
    create(RelayInfoSchema, {
      identity: identityInit(info.identity),
      address: [...info.address],
      leases: info.leases.map(leaseMessage),
    })
  );
}

function leaseMessage({ identity, expires, name, alpn, metadata }: WireLease): Lease {
  return create(LeaseSchema, { identity: identityInit(identity), expires, name, alpn: [...alpn], metadata });
}
