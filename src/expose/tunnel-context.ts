// Settings and shared objects of all tunnels of one published app.
import type { AssertionGate } from './assertions/assertion-gate.ts';
import type { HostHeader } from './request/host-header.ts';
import type { ExchangeContext } from './app/local-exchange.ts';

export interface TunnelContext extends ExchangeContext {
  readonly hostHeader: HostHeader;
  /** Only requests that it admits reach the app. */
  readonly gate: AssertionGate | undefined;
  /** Milliseconds without a request after which a tunnel is closed. */
  readonly idleMs: number;
  /** While true, tunnels close after the request in flight. */
  readonly draining: boolean;
  /** Monotonic, milliseconds. */
  readonly nowMs: () => number;
}
