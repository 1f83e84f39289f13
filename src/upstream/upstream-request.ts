// One request to a lease, with everything that is needed to forward it.
import type { Cancellation } from '../kernel/work/cancellation.ts';
import type { RequestBody } from '../kernel/http/http.ts';
import type { Timeouts } from '../policy/policy.ts';
import type { Lease, Transport } from './transport.ts';

/** Progress of a request. Written by the upstream, read for logs and events. */
export interface AttemptInfo {
  /** The relay that was chosen; with several attempts, the last one. */
  relay: string | undefined;
  /** Monotonic start of the last attempt; 0: there was none. */
  startedMs: number;
}

export interface UpstreamRequest {
  readonly method: string;
  readonly target: string;
  /** All fields for the app except framing and connection, which the upstream adds. */
  readonly headers: string[];
  /** The protocols in the Upgrade field; '' if none. */
  readonly offeredProtocols: string;
  /** Lower-case names that are not allowed in trailers. */
  readonly dropped: ReadonlySet<string>;
  readonly body: RequestBody;
  readonly lease: Lease;
  /** The relays that list the lease. */
  readonly transports: readonly Transport[];
  readonly timeouts: Timeouts;
  readonly cancellation: Cancellation;
  readonly attempt: AttemptInfo;
  /** Called when a dial shows that the lease no longer exists. */
  readonly leaseGone: (leaseId: string) => void;
  /**
   * Looks up the target again after leaseGone(). Resolves to the same request for the lease found,
   * which may have another id. Undefined: there is none, or the caller may not access it.
   */
  readonly elsewhere: () => Promise<UpstreamRequest | undefined>;
}
