// Owns what is asked of this room: one request for one lease, and what must be known to carry it there.
import type { Cancellation } from '../kernel/work/cancellation.ts';
import type { RequestBody } from '../kernel/http/http.ts';
import type { Timeouts } from '../policy/policy.ts';
import type { Lease, Transport } from './transport.ts';

/** How far a request has come. Written here, read by whoever tells of it. */
export interface AttemptInfo {
  /** The relay that was chosen, of several attempts the last. */
  relay: string | undefined;
  /** Monotonic, when its attempt began; 0: there was none. */
  startedMs: number;
}

export interface UpstreamRequest {
  readonly method: string;
  readonly target: string;
  /** Everything that the app shall read, but for framing and connection: those are added here. */
  readonly headers: string[];
  /** In the Upgrade field of the headers; '' for none. */
  readonly offeredProtocols: string;
  /** Names, in lower case, that no trailer may have. */
  readonly dropped: ReadonlySet<string>;
  readonly body: RequestBody;
  readonly lease: Lease;
  /** The relays that list the lease. */
  readonly transports: readonly Transport[];
  readonly timeouts: Timeouts;
  readonly cancellation: Cancellation;
  readonly carried: AttemptInfo;
  /** Called when a dial shows that the lease is no more. */
  readonly leaseGone: (leaseId: string) => void;
  /**
   * Looks up again where the request goes, after leaseGone(). The same request for that lease, which may have another id; undefined:
   * there is none, or the caller may not call it.
   */
  readonly elsewhere: () => Promise<UpstreamRequest | undefined>;
}
