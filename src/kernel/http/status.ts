// Types of the gateway's status, for metrics and health.

export interface RelayStatus {
  /** The relay's URL. */
  readonly relay: string;
  readonly state: 'up' | 'suspect' | 'draining' | 'down';
  /** Round trip of the last keepalive. */
  readonly rttMs: number | undefined;
}

/** The last lease list of a relay. */
export interface LeaseListStatus {
  readonly relay: string;
  /** Entries in use. Undefined: no list has arrived yet. */
  readonly leases: number | undefined;
  readonly ignored: ReadonlyMap<string, number>;
  /** Why the last attempt failed. */
  readonly error: string | undefined;
}

/** The tunnels to a lease over one relay. */
export interface TunnelStatus {
  readonly relay: string;
  readonly leaseId: string;
  readonly idle: number;
  /** Tunnels in use or being dialled. */
  readonly active: number;
}

/** A certificate that the gateway presents to clients. */
export interface CertificateStatus {
  /** The path as configured. */
  readonly file: string;
  /** Milliseconds since 1970. */
  readonly expiresMs: number;
}

export interface GatewayStatus {
  readonly relays: readonly RelayStatus[];
  readonly tunnels: readonly TunnelStatus[];
  readonly certificates: readonly CertificateStatus[];
  /**
   * Whether the shared rate limits are in use. Undefined: none are configured, and each gateway
   * limits by itself.
   */
  readonly limitsShared?: boolean | undefined;
}
