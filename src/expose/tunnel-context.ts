// The settings and shared parts that all tunnels of one published app have.
import type { AssertionGate } from './assertion-gate.ts';
import type { HostHeader } from './host-header.ts';
import type { ExchangeContext } from './local-exchange.ts';
import type { Target } from './target.ts';

export interface TunnelContext extends ExchangeContext {
  readonly target: Target;
  readonly hostHeader: HostHeader;
  /** Only requests that it lets pass reach the app. */
  readonly gate: AssertionGate | undefined;
  /** A tunnel without a request for so long is closed, milliseconds. */
  readonly idleMs: number;
  /** Tunnels end behind the request in flight. */
  readonly draining: boolean;
  /** Monotonic. */
  readonly nowMs: () => number;
}
