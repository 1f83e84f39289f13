// The tunnels to one lease over one relay connection: idle ones, those in use, and the requests
// that wait for one. Grows with every request up to its limit, so that no request waits behind a
// stream.
import type { Clock } from '../kernel/clock.ts';
import type { Deadlines } from '../kernel/work/deadlines.ts';
import { GatewayError } from '../kernel/errors/gateway-error.ts';
import { Connection, type ConnectionOwner } from './tunnel-connection.ts';
import { dialFault, dialTimeoutDetail, isRefusedStream } from './upstream-errors.ts';
import type { Policy } from '../policy/policy.ts';
import type { Tunnel } from './transport.ts';
import { Pending, type Waiter } from './waiter.ts';

export interface PoolLimits {
  /** Kept for idleTimeoutMs; more of them only for a moment. 0: no tunnel is used twice. */
  readonly maxIdle: number;
  /** In use or being dialled. */
  readonly maxActive: number;
  /**
   * Being dialled at once: relays reject bursts, and an unresponsive app must not use up all dials.
   */
  readonly maxDialing: number;
  /** Requests that may wait beyond maxActive. */
  readonly maxWaiting: number;
  readonly idleTimeoutMs: number;
}

/** Apps on the Go SDK refuse a tunnel when 100 wait to be accepted, and others dial them, too. */
const maxDialing = 64;

/** How often a request is dialled if its app or relay refuses the stream. */
const maxDials = 3;

export function poolLimitsOf({ pool, limits }: Pick<Policy, 'pool' | 'limits'>): PoolLimits {
  return { ...pool, maxDialing, maxWaiting: limits.queue };
}

export interface PoolOptions {
  readonly dial: (signal: AbortSignal) => Promise<Tunnel>;
  /** Called each time, because a reload may change them. */
  readonly limits: () => PoolLimits;
  readonly clock: Clock;
  readonly deadlines: Deadlines;
  /** The pool is empty and may be dropped. */
  readonly emptied: () => void;
}

/**
 * A request that cannot be repeated takes a new tunnel, or one idle for less than this, which the
 * app has most likely not closed.
 */
const recentMs = 2_000;

/**
 * How long idle tunnels beyond maxIdle are kept: under load they are needed again at once, and a
 * dial costs as much as ten requests.
 */
const surplusIdleMs = 2_000;

export class TunnelPool implements ConnectionOwner {
  readonly #options: PoolOptions;
  readonly #idle: Connection[] = [];
  /** In the order of arrival. Each has its own dial in progress, unless a limit is reached. */
  readonly #pending = new Map<Waiter, Pending>();
  readonly #dials = new Set<AbortController>();
  #inUse = 0;
  #queued = 0;
  #closed = false;

  constructor(options: PoolOptions) {
    this.#options = options;
  }

  get idle(): number {
    return this.#idle.length;
  }

  get active(): number {
    return this.#inUse + this.#dials.size;
  }

  get #mayDial(): boolean {
    const { maxActive, maxDialing } = this.#options.limits();
    return this.active < maxActive && this.#dials.size < maxDialing;
  }

  acquire(waiter: Waiter, dialTimeoutMs: number): void {
    const connection = waiter.freshness === 'new' ? undefined : this.#takeIdle(waiter.freshness);
    if (connection !== undefined) {
      this.#inUse += 1;
      waiter.ready(connection);
      return;
    }
    const { deadlines } = this.#options;
    const limits = this.#options.limits();
    if (this.active + this.#queued >= limits.maxActive + limits.maxWaiting) {
      waiter.failed(overloaded('Too many requests are waiting for this lease.'));
      return;
    }
    const pending = new Pending(waiter, this.#timedOut);
    this.#pending.set(waiter, pending);
    deadlines.arm(pending.deadline, dialTimeoutMs);
    if (this.#mayDial) this.#dial(pending);
    else this.#queued += 1;
  }

  /** The waiter's client has left. */
  cancel(waiter: Waiter): void {
    const pending = this.#pending.get(waiter);
    if (pending === undefined) return;
    this.#forget(pending);
    // If others are waiting, one of them can use the tunnel.
    if (this.#pending.size === 0) this.#abandon(pending.dial);
  }

  /**
   * Closes idle tunnels and aborts dials; tunnels in use are closed after their request.
   * Idempotent.
   */
  close(): void {
    this.#closed = true;
    for (const connection of this.#idle.splice(0)) {
      this.#options.deadlines.disarm(connection.idleDeadline);
      connection.close();
    }
    for (const pending of [...this.#pending.values()]) {
      this.#forget(pending);
      pending.waiter.failed(new GatewayError('draining', 'The gateway is shutting down.', { retryAfterSeconds: 1 }));
    }
    for (const dial of [...this.#dials]) this.#abandon(dial);
  }

  released(connection: Connection): void {
    if (connection.dead) return; // lost() follows
    if (!this.#serve(connection)) {
      this.#inUse -= 1;
      this.#store(connection);
    }
  }

  lost(connection: Connection): void {
    const at = this.#idle.indexOf(connection);
    if (at === -1) this.#inUse -= 1;
    else {
      this.#idle.splice(at, 1);
      this.#options.deadlines.disarm(connection.idleDeadline);
    }
    this.#pump();
  }

  idleExpired(connection: Connection): void {
    // A closed tunnel counts as in use until lost() is called; otherwise the pool could be dropped
    // too early.
    const at = this.#idle.indexOf(connection);
    if (at === -1) return;
    this.#idle.splice(at, 1);
    this.#inUse += 1;
    connection.close();
  }

  /** Takes the tunnel used last, so that a pool shrinks after a peak. */
  #takeIdle(freshness: 'any' | 'recent'): Connection | undefined {
    const { clock, deadlines } = this.#options;
    for (let at = this.#idle.length - 1; at >= 0; at -= 1) {
      const connection = this.#idle[at];
      if (connection === undefined) continue;
      if (connection.dead) {
        connection.destroy(); // lost() follows and removes it
        continue;
      }
      if (freshness === 'recent' && clock.monotonicMs() - connection.idleSinceMs >= recentMs) return undefined;
      this.#idle.splice(at, 1);
      deadlines.disarm(connection.idleDeadline);
      return connection;
    }
    return undefined;
  }

  #store(connection: Connection): void {
    const { clock, deadlines } = this.#options;
    const limits = this.#options.limits();
    if (this.#closed || limits.maxIdle === 0) {
      this.#inUse += 1; // until lost(), as in idleExpired
      connection.close();
      return;
    }
    const isSurplus = this.#idle.length >= limits.maxIdle;
    const idleTimeoutMs = isSurplus ? Math.min(surplusIdleMs, limits.idleTimeoutMs) : limits.idleTimeoutMs;
    connection.idleSinceMs = clock.monotonicMs();
    this.#idle.push(connection);
    deadlines.arm(connection.idleDeadline, connection.idleTimeoutMs(idleTimeoutMs));
    this.#pump();
  }

  /** Passes a live tunnel to the first waiter that may use it. */
  #serve(connection: Connection): boolean {
    for (const pending of this.#pending.values()) {
      if (pending.waiter.freshness === 'new' && connection.used) continue;
      this.#forget(pending);
      pending.waiter.ready(connection);
      return true;
    }
    return false;
  }

  #forget(pending: Pending): void {
    this.#pending.delete(pending.waiter);
    this.#options.deadlines.disarm(pending.deadline);
    if (pending.dial === undefined) this.#queued -= 1;
  }

  /** There may be room again: dials for waiters without a dial. */
  #pump(): void {
    if (this.#queued > 0) {
      for (const pending of this.#pending.values()) {
        if (!this.#mayDial) break;
        if (pending.dial !== undefined) continue;
        this.#queued -= 1;
        this.#dial(pending);
      }
    }
    if (this.active === 0 && this.#idle.length === 0 && this.#pending.size === 0) this.#options.emptied();
  }

  #dial(pending: Pending): void {
    const controller = new AbortController();
    pending.dial = controller;
    pending.dials += 1;
    this.#dials.add(controller);
    this.#options.dial(controller.signal).then(
      (tunnel) => {
        if (this.#dials.delete(controller)) this.#dialled(tunnel, pending);
        else tunnel.destroy();
      },
      (cause: unknown) => {
        if (!this.#dials.delete(controller)) return;
        // The waiter may have been given another tunnel in the meantime.
        if (this.#isPending(pending)) this.#dialFailed(pending, cause);
        this.#pump();
      },
    );
  }

  /** Dials again after a refusal, whatever the method: no byte of the request was sent. */
  #dialFailed(pending: Pending, cause: unknown): void {
    if (isRefusedStream(cause) && pending.dials < maxDials) {
      pending.dial = undefined;
      this.#queued += 1;
      return;
    }
    this.#forget(pending);
    pending.waiter.failed(dialFault(cause));
  }

  /** An aborted dial stops counting at once, whatever the relay does. */
  #abandon(dial: AbortController | undefined, reason?: GatewayError): void {
    if (dial === undefined || !this.#dials.delete(dial)) return;
    dial.abort(reason);
    this.#pump();
  }

  #dialled(tunnel: Tunnel, pending: Pending): void {
    const connection = new Connection(tunnel, this);
    this.#inUse += 1;
    // First the waiter that it was dialled for: every other one has a dial of its own, or is queued
    // behind maxActive.
    if (this.#isPending(pending)) {
      this.#forget(pending);
      if (connection.dead) {
        // Dialled only once: a tunnel that ended before its first use is a failed dial.
        connection.destroy();
        pending.waiter.failed(connection.fault());
      } else pending.waiter.ready(connection);
    } else this.released(connection);
    this.#pump();
  }

  #isPending(pending: Pending): boolean {
    return this.#pending.get(pending.waiter) === pending;
  }

  readonly #timedOut = (pending: Pending): void => {
    const { dial } = pending;
    this.#forget(pending);
    const error =
      dial === undefined
        ? overloaded('No tunnel to this lease became free in time; try again shortly.')
        : new GatewayError('dial_timeout', dialTimeoutDetail, { retryAfterSeconds: 1 });
    pending.waiter.failed(error);
    this.#abandon(dial, error);
  };
}

function overloaded(detail: string): GatewayError {
  return new GatewayError('overloaded', detail, { retryAfterSeconds: 1 });
}
