// Settings and shared objects of all tunnels of one published app.
import type { HostHeader } from './request/host-header.ts';
import type { ExchangeContext } from './app/local-exchange.ts';

export interface TunnelContext extends ExchangeContext {
  readonly hostHeader: HostHeader;
  /** Milliseconds without a request after which a tunnel is closed. */
  readonly idleMs: number;
  /** While true, tunnels close after the request in flight. */
  readonly draining: boolean;
  /** Monotonic, milliseconds. */
  readonly nowMs: () => number;
}
