// The interface of a relay connection for the gateway, the same for every protocol version.
import type { BytePipe } from '../kernel/net/byte-pipe.ts';
import type { AdmissionOptions, IgnoredCounts } from '../kernel/lease-admission.ts';

export interface Lease {
  /** 26 characters A-Z2-7: the app's identity id, which the handshake proves. */
  readonly id: string;
  readonly name: string;
  readonly alpn: readonly string[];
  /** As published by the app: JSON by convention, untrusted. Empty where the transport keeps none. */
  readonly metadata: string;
  readonly expiresAtMs: number;
}

/** An end-to-end encrypted byte stream to an app. */
export interface Tunnel extends BytePipe {
  /** The app's id as proven in the handshake; null on v2. */
  readonly peerId: string | null;
}

/** Bounds of a lease list, and where to report what was left out of it. */
export interface ListOptions extends AdmissionOptions {
  readonly ignored: (counts: IgnoredCounts) => void;
}

export interface Transport {
  /** The relay's URL. */
  readonly relay: string;
  state(): 'up' | 'suspect' | 'draining' | 'down';
  /** Round trip of the last keepalive. */
  readonly rttMs: number | undefined;
  list(signal: AbortSignal, options?: ListOptions): Promise<readonly Lease[]>;
  dial(lease: Pick<Lease, 'id'>, options: { readonly alpn: 'http/1.1'; readonly signal: AbortSignal }): Promise<Tunnel>;
  close(): Promise<void>;
}
