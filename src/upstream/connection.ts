// A tunnel of a pool as an HTTP connection, with what the pool needs to know of it: since when it is idle and how long it may be.
import { Deadline, type Expiring } from '../kernel/deadlines.ts';
import type { GatewayError } from '../kernel/errors.ts';
import { HttpConnection } from '../http-client/connection.ts';
import { exchangeFault } from './faults.ts';
import type { Tunnel } from './transport.ts';

export interface ConnectionOwner {
  /** An exchange is complete and the tunnel may carry another. */
  released(connection: Connection): void;
  /** The tunnel is closed, whoever closed it. Once. */
  lost(connection: Connection): void;
  idleExpired(connection: Connection): void;
}

/** Before an idle tunnel's time runs out at the app, by how much ours does: what a request needs to get there. */
const keepAliveMarginMs = 1_000;

export class Connection implements Expiring {
  readonly http: HttpConnection;
  /** The pool's: when it went idle, and until when it may be. */
  readonly idleDeadline: Deadline;
  idleSinceMs = 0;
  readonly #owner: ConnectionOwner;

  constructor(tunnel: Tunnel, owner: ConnectionOwner) {
    this.#owner = owner;
    this.idleDeadline = new Deadline(this);
    this.http = new HttpConnection(tunnel, {
      idle: () => {
        owner.released(this);
      },
      // A response that came before the excess has passed, and the tunnel is closed: nobody is harmed.
      excess: () => undefined,
      lost: () => {
        owner.lost(this);
      },
    });
  }

  /** True while idle: never to be used again. */
  get dead(): boolean {
    return !this.http.usable;
  }

  /** Whether it carried a request before: such a tunnel may turn out to have died unnoticed. */
  get used(): boolean {
    return this.http.exchanges > 0;
  }

  /** How long the tunnel may be idle, milliseconds: less than `limitMs` for an app that announces less. */
  idleTimeoutMs(limitMs: number): number {
    const { keepAliveMs } = this.http;
    return keepAliveMs === undefined ? limitMs : Math.max(0, Math.min(limitMs, keepAliveMs - keepAliveMarginMs));
  }

  /** Why a request on this dead tunnel fails. */
  fault(): GatewayError {
    return exchangeFault(this.http.idleFault);
  }

  /** At once: the app notices an abort. */
  destroy(): void {
    this.http.destroy();
  }

  /** In order: our end, then the app's. */
  close(): void {
    this.http.close();
  }

  expired(): void {
    this.#owner.idleExpired(this);
  }
}
