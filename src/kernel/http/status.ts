// Owns the shape of what a gateway says of itself when it is asked: for metrics and health. Knows nobody who asks.

export interface RelayStatus {
  /** Its URL. */
  readonly relay: string;
  readonly state: 'up' | 'suspect' | 'draining' | 'down';
  /** Round trip of the last keepalive. */
  readonly rttMs: number | undefined;
}

/** The last lease list of a relay. */
export interface LeaseListStatus {
  readonly relay: string;
  /** Entries that are used. Undefined: no list has arrived yet. */
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
  /** In use, or being dialled. */
  readonly active: number;
}

/** A certificate that the gateway shows to clients. */
export interface CertificateStatus {
  /** As configured. */
  readonly file: string;
  /** Milliseconds since 1970. */
  readonly expiresMs: number;
}

export interface GatewayStatus {
  readonly relays: readonly RelayStatus[];
  readonly tunnels: readonly TunnelStatus[];
  readonly certificates: readonly CertificateStatus[];
  /** Whether the shared rate limits are in use. Undefined: there are none, each gateway limits by itself. */
  readonly limitsShared?: boolean | undefined;
}
