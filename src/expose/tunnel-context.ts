// Settings and shared objects of all tunnels of one published app.
import type { HostHeader } from './request/host-header.ts';
import type { RequestObserver } from './request-meter.ts';
import type { ExchangeContext } from './app/local-exchange.ts';

export interface TunnelContext extends ExchangeContext {
  readonly hostHeader: HostHeader;
  /** Milliseconds without a request after which a tunnel is closed. */
  readonly idleMs: number;
  /** While true, tunnels close after the request in flight. */
  readonly draining: boolean;
  /** Undefined: requests are neither timed nor counted. */
  readonly requests: RequestObserver | undefined;
  /** Monotonic, milliseconds. */
  readonly nowMs: () => number;
}
