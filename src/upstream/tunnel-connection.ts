// An HTTP connection over a tunnel, with the state that its pool needs: since when it is idle, and
// how long it may be.
import { Deadline, type Expiring } from '../kernel/work/deadlines.ts';
import type { GatewayError } from '../kernel/errors/gateway-error.ts';
import { ignore } from '../kernel/ignore.ts';
import { HttpConnection } from '../http-client/client-connection.ts';
import { exchangeError } from './upstream-errors.ts';
import type { Tunnel } from './transport.ts';

export interface ConnectionOwner {
  /** An exchange is complete and the tunnel may carry another. */
  released(connection: Connection): void;
  /** The tunnel is closed, by either side. Called once. */
  lost(connection: Connection): void;
  idleExpired(connection: Connection): void;
}

/**
 * How long before the app's keep-alive timeout an idle tunnel is no longer used: the time that a
 * request needs to reach the app.
 */
const keepAliveMarginMs = 1_000;

export class Connection implements Expiring {
  readonly http: HttpConnection;
  /** Armed by the pool while the tunnel is idle. */
  readonly idleDeadline: Deadline;
  /** Monotonic, set by the pool. */
  idleSinceMs = 0;
  readonly #owner: ConnectionOwner;

  constructor(tunnel: Tunnel, owner: ConnectionOwner) {
    this.#owner = owner;
    this.idleDeadline = new Deadline(this);
    this.http = new HttpConnection(tunnel, {
      idle: () => {
        owner.released(this);
      },
      // A complete response was delivered before, and the tunnel is closed: nothing to do.
      excess: ignore,
      lost: () => {
        owner.lost(this);
      },
    });
  }

  /** An idle tunnel is dead if it cannot carry another request. */
  get dead(): boolean {
    return !this.http.usable;
  }

  /**
   * Whether it has carried a request: the app may have closed such a tunnel without the gateway
   * having noticed.
   */
  get used(): boolean {
    return this.http.exchanges > 0;
  }

  /**
   * How long the tunnel may be idle, in milliseconds: less than `limitMs` if the app announces
   * less.
   */
  idleTimeoutMs(limitMs: number): number {
    const { keepAliveMs } = this.http;
    return keepAliveMs === undefined ? limitMs : Math.max(0, Math.min(limitMs, keepAliveMs - keepAliveMarginMs));
  }

  /** Why a request on this dead tunnel fails. */
  fault(): GatewayError {
    return exchangeError(this.http.idleFault);
  }

  /** Closes the tunnel at once; the app sees an abort. */
  destroy(): void {
    this.http.destroy();
  }

  /** Closes an idle tunnel gracefully: first the gateway's side, then the app's. */
  close(): void {
    this.http.close();
  }

  expired(): void {
    this.#owner.idleExpired(this);
  }
}
