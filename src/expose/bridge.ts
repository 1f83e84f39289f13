// The tunnels of a published app: limits their number and idle time, and closes them in an orderly
// way. tunnel.ts handles a single tunnel, publish.ts handles leases and relays.
import type { BytePipe } from '../kernel/net/byte-pipe.ts';
import { type Clock, systemClock } from '../kernel/clock.ts';
import { Deadlines } from '../kernel/work/deadlines.ts';
import { ignore } from '../kernel/ignore.ts';
import type { AssertionGate } from './assertions/assertion-gate.ts';
import { type ExposeEvent, pathOnly } from './expose-event.ts';
import { type HostHeader, ownHosts } from './request/host-header.ts';
import type { RequestObserver } from './request-meter.ts';
import { LocalPool } from './app/local-pool.ts';
import type { Target } from './app/target.ts';
import type { TunnelContext } from './tunnel-context.ts';
import { Tunnel } from './tunnel.ts';

export interface BridgeOptions {
  readonly target: Target;
  readonly hostHeader?: HostHeader;
  /** Further tunnels are rejected. Default: 2,000. */
  readonly maxTunnels?: number | undefined;
  /** Milliseconds without a request after which a tunnel is closed. */
  readonly idleTunnelMs?: number;
  readonly log?: (event: ExposeEvent) => void;
  /** Receives every request. Without it requests are neither timed nor counted. */
  readonly requests?: RequestObserver | undefined;
  /** If set, only requests that the gate admits reach the app. The caller closes the gate. */
  readonly gate?: AssertionGate | undefined;
  readonly clock?: Clock;
}

/**
 * One tunnel is open for each request in flight and for each idle connection of a gateway; each may
 * hold a file descriptor towards the app.
 */
export const defaultMaxTunnels = 2_000;
/**
 * Longer than the gateway keeps one (portal.pool.idle_timeout, 90 s): the side that sends requests
 * should close first.
 */
const defaultIdleTunnelMs = 150_000;

export class Bridge {
  readonly #pool: LocalPool;
  readonly #tunnels = new Set<Tunnel>();
  readonly #maxTunnels: number;
  readonly #log: (event: ExposeEvent) => void;
  readonly #context: TunnelContext;
  #draining = false;
  #refusing = false;
  #wakeDrain: (() => void) | undefined;

  constructor(options: BridgeOptions) {
    const { target, gate, hostHeader = { mode: 'target' } } = options;
    const log = options.log ?? ignore;
    const clock = options.clock ?? systemClock;
    const deadlines = new Deadlines(clock);
    this.#log = log;
    this.#maxTunnels = options.maxTunnels ?? defaultMaxTunnels;
    this.#pool = new LocalPool({
      target,
      deadlines,
      clock,
      excess: ({ last }) => {
        log({ type: 'target_excess', method: last?.method ?? '', path: pathOnly(last?.target ?? '') });
      },
    });
    const isDraining = (): boolean => this.#draining;
    this.#context = {
      target,
      gate,
      deadlines,
      log,
      pool: this.#pool,
      hostHeader,
      requests: options.requests,
      ownHosts: ownHosts(hostHeader, target),
      nowMs: () => clock.monotonicMs(),
      idleMs: options.idleTunnelMs ?? defaultIdleTunnelMs,
      get draining() {
        return isDraining();
      },
    };
  }

  /** Takes ownership of a tunnel. */
  accept(pipe: BytePipe): void {
    if (this.#refusing || this.#tunnels.size >= this.#maxTunnels) {
      if (!this.#refusing) this.#log({ type: 'tunnel_refused', openTunnels: this.#tunnels.size });
      pipe.destroy();
      return;
    }
    this.#tunnels.add(new Tunnel(pipe, this.#context, this.#closed));
  }

  /**
   * Ends each tunnel when it is idle, or after its next response, which announces the close. New
   * tunnels are still accepted, for one request each. Idempotent.
   */
  drain(): void {
    this.#draining = true;
    for (const tunnel of this.#tunnels) tunnel.drain();
  }

  /**
   * Stops accepting tunnels, lets requests that are in flight or on their way finish within
   * `graceMs`, then closes the rest. Idempotent.
   */
  async close(graceMs = 0): Promise<void> {
    this.#refusing = true;
    if (graceMs > 0) this.drain();
    else for (const tunnel of this.#tunnels) tunnel.destroy();
    if (this.#tunnels.size > 0) {
      const { promise, resolve } = Promise.withResolvers<undefined>();
      const timer = setTimeout(() => {
        for (const tunnel of this.#tunnels) tunnel.destroy();
      }, graceMs);
      this.#wakeDrain = () => {
        resolve(undefined);
      };
      await promise;
      clearTimeout(timer);
    }
    this.#pool.close();
  }

  get openTunnels(): number {
    return this.#tunnels.size;
  }

  readonly #closed = (tunnel: Tunnel): void => {
    this.#tunnels.delete(tunnel);
    if (this.#tunnels.size === 0) this.#wakeDrain?.();
  };
}
