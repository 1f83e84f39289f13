// Owns what a lease is to those who look one up and to those who offer one. Knows nothing of the wire.
import type { IgnoredCounts } from '../kernel/lease-admission.ts';
import type { Credential, Identity } from './identity.ts';

/** A lease as a relay lists it. Name, alpn and metadata are whatever the app sent: untrusted. */
export interface PortalLease {
  readonly id: string;
  readonly name: string;
  readonly alpn: readonly string[];
  /** JSON by convention: description, tags[], thumbnail, owner, hide. Empty where it is longer than 16 KiB. */
  readonly metadata: string;
  readonly expiresAtMs: number;
}

export interface RelayInfo {
  readonly identity: Identity | undefined;
  readonly addresses: readonly string[];
  readonly leases: readonly PortalLease[];
  /** Entries of the list that are not among `leases`, by reason. */
  readonly ignored: IgnoredCounts;
}

/** What an app publishes. */
export interface LeaseOffer {
  /** The lease id is this credential's id. */
  readonly credential: Credential;
  readonly name: string;
  readonly alpn: readonly string[];
  /** JSON, see PortalLease. */
  readonly metadata?: string;
  /** Which clients may connect, by the id that the handshake proves. Without it: every client. */
  readonly allowClient?: (clientId: string) => boolean;
}
