// Leases, as clients look them up and as apps offer them. Independent of the wire format.
import type { IgnoredCounts } from '../kernel/lease-admission.ts';
import type { Credential, Identity } from './identity.ts';

/** A lease as listed by a relay. Name, alpn and metadata come from the app and are untrusted. */
export interface PortalLease {
  readonly id: string;
  readonly name: string;
  readonly alpn: readonly string[];
  /**
   * JSON by convention: description, tags[], thumbnail, owner, hide. Empty if longer than 16 KiB.
   */
  readonly metadata: string;
  readonly expiresAtMs: number;
}

export interface RelayInfo {
  readonly identity: Identity | undefined;
  readonly addresses: readonly string[];
  readonly leases: readonly PortalLease[];
  /** Entries of the list that `leases` omits, by reason. */
  readonly ignored: IgnoredCounts;
}

/** A lease that an app publishes. */
export interface LeaseOffer {
  /** The lease id is this credential's id. */
  readonly credential: Credential;
  readonly name: string;
  readonly alpn: readonly string[];
  /** JSON, see PortalLease. */
  readonly metadata?: string;
  /** Which clients may connect, by the id proven in the handshake. Default: every client. */
  readonly allowClient?: (clientId: string) => boolean;
}
