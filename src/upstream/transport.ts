// The gateway's interface to a relay connection, the same for every protocol version.
import type { BytePipe } from '../kernel/net/byte-pipe.ts';
import type { AdmissionOptions, IgnoredCounts } from '../kernel/lease-admission.ts';
import type { RelayClientOptions, RelayOutage } from '../portal/relay-client.ts';

export interface Lease {
  /** 26 characters A-Z2-7: the app's identity id, which the handshake proves. */
  readonly id: string;
  readonly name: string;
  readonly alpn: readonly string[];
  /**
   * As published by the app: JSON by convention, untrusted. Empty if the transport does not keep
   * it.
   */
  readonly metadata: string;
  readonly expiresAtMs: number;
}

/** An end-to-end encrypted byte stream to an app. */
export interface Tunnel extends BytePipe {
  /**
   * The app's id as proven in the handshake; null where the relay's protocol does not prove one.
   */
  readonly peerId: string | null;
}

/** Limits of a lease list, and where to report what was omitted from it. */
export interface ListOptions extends Partial<AdmissionOptions> {
  readonly ignored?: (counts: IgnoredCounts) => void;
  /** Default: `drop`. The gateway does not use metadata, which is nearly all of a large list. */
  readonly metadata?: 'keep' | 'drop';
}

/** What a transport needs, whatever its protocol version. */
export type TransportOptions = RelayClientOptions;

export interface Transport {
  /** The relay's URL. */
  readonly relay: string;
  state(): 'up' | 'suspect' | 'draining' | 'down';
  /** Absent, or undefined: the relay is connected, or the transport does not know. */
  outage?(): RelayOutage | undefined;
  /** Round-trip time of the last keepalive. */
  readonly rttMs: number | undefined;
  /**
   * Resolves once the relay is connected. Throws the reason of `signal`, PortalError session_closed
   * after close(), or the failure of a transport that connects only once.
   */
  ready(signal: AbortSignal): Promise<void>;
  list(signal: AbortSignal, options?: ListOptions): Promise<readonly Lease[]>;
  dial(lease: Pick<Lease, 'id'>, options: { readonly alpn: 'http/1.1'; readonly signal: AbortSignal }): Promise<Tunnel>;
  close(): Promise<void>;
}
