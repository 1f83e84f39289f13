// Pool of connections to the app: opens new ones and keeps idle ones for a short time. Reuses the
// most recently used connection first, so that the pool shrinks after a peak.
import type { Deadlines } from '../../kernel/work/deadlines.ts';
import type { Clock } from '../../kernel/clock.ts';
import { type AppFault, appFaultOf } from './app-fault.ts';
import { LocalConnection, type LocalConnectionOwner } from './local-connection.ts';
import { LocalDial, type LocalTarget } from './local-dial.ts';
import type { Target } from './target.ts';

/**
 * A request waiting for a connection. Exactly one of the two methods is called, and neither
 * after cancel().
 */
export interface LocalWaiter {
  /** May be called within acquire(). */
  ready(connection: LocalConnection): void;
  /** Never within acquire(). */
  failed(fault: AppFault): void;
}

export interface LocalPoolOptions {
  readonly target: Target;
  readonly deadlines: Deadlines;
  /** The app sent bytes that belong to no response. */
  readonly excess: (connection: LocalConnection) => void;
  readonly clock: Clock;
}

/** The same number as Node's own agent. */
const maxIdle = 256;
/**
 * A connection that this side closes first holds its local port for a minute (RFC 9293 §3.6.1,
 * TIME-WAIT; 60 s on Linux). Up to this many per minute are closed in an orderly way. Further ones
 * are reset, or the local ports towards a target on another machine would run out.
 */
const maxClosedPerMinute = 5_000;
const minuteMs = 60_000;

export class LocalPool implements LocalConnectionOwner {
  readonly #local: LocalTarget;
  readonly #deadlines: Deadlines;
  readonly #excess: (connection: LocalConnection) => void;
  readonly #idle: LocalConnection[] = [];
  readonly #dials = new Map<LocalWaiter, LocalDial>();
  readonly #clock: Clock;
  #closed = false;
  /** Counted in the minute that began at #minuteStartMs. */
  #closedConnections = 0;
  #minuteStartMs = -Infinity;

  constructor({ target, deadlines, excess, clock }: LocalPoolOptions) {
    this.#clock = clock;
    this.#local = { target, tlsSession: undefined, loopbackAddress: undefined };
    this.#deadlines = deadlines;
    this.#excess = excess;
  }

  get idle(): number {
    return this.#idle.length;
  }

  /**
   * `fresh`: a connection that was never used, for a request that cannot be repeated or that
   * upgrades its connection.
   */
  acquire(waiter: LocalWaiter, freshness: 'any' | 'fresh'): void {
    const connection = freshness === 'any' ? this.#takeIdle() : undefined;
    if (connection === undefined) this.#dial(waiter);
    else waiter.ready(connection);
  }

  cancel(waiter: LocalWaiter): void {
    this.#dials.get(waiter)?.abort();
    this.#dials.delete(waiter);
  }

  /** Closes idle connections; those in use close after their requests. Idempotent. */
  close(): void {
    this.#closed = true;
    for (const connection of this.#idle.splice(0)) {
      this.#deadlines.disarm(connection.idleDeadline);
      connection.http.close();
    }
  }

  released(connection: LocalConnection): void {
    const { idleTimeoutMs } = connection;
    if (this.#closed || this.#idle.length >= maxIdle || idleTimeoutMs <= 0) {
      this.#discard(connection);
      return;
    }
    this.#idle.push(connection);
    this.#deadlines.arm(connection.idleDeadline, idleTimeoutMs);
  }

  excess(connection: LocalConnection): void {
    this.#excess(connection);
  }

  lost(connection: LocalConnection): void {
    const at = this.#idle.indexOf(connection);
    if (at === -1) return;
    this.#idle.splice(at, 1);
    this.#deadlines.disarm(connection.idleDeadline);
  }

  idleExpired(connection: LocalConnection): void {
    const at = this.#idle.indexOf(connection);
    if (at === -1) return;
    this.#idle.splice(at, 1);
    this.#discard(connection);
  }

  #discard(connection: LocalConnection): void {
    const nowMs = this.#clock.monotonicMs();
    if (nowMs - this.#minuteStartMs >= minuteMs) {
      this.#minuteStartMs = nowMs;
      this.#closedConnections = 0;
    }
    this.#closedConnections += 1;
    if (this.#closedConnections <= maxClosedPerMinute) connection.http.close();
    else connection.reset();
  }

  #takeIdle(): LocalConnection | undefined {
    for (let connection = this.#idle.pop(); connection !== undefined; connection = this.#idle.pop()) {
      this.#deadlines.disarm(connection.idleDeadline);
      if (connection.http.usable) return connection;
      connection.http.destroy();
    }
    return undefined;
  }

  #dial(waiter: LocalWaiter): void {
    const dial = new LocalDial(this.#local, this.#deadlines, {
      connected: (pipe) => {
        this.#dials.delete(waiter);
        const connection = new LocalConnection(pipe, this);
        if (connection.http.usable) waiter.ready(connection);
        else waiter.failed(appFaultOf(connection.http.idleFault));
      },
      failed: (fault) => {
        this.#dials.delete(waiter);
        waiter.failed(fault);
      },
    });
    this.#dials.set(waiter, dial);
  }
}
