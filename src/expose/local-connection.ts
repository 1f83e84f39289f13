// A connection to the app as an HTTP connection, with what the pool needs to know of it. Opening one is local-dial.ts's.
import { HttpConnection } from '../http-client/connection.ts';
import type { BytePipe } from '../kernel/byte-pipe.ts';
import { Deadline, type Expiring } from '../kernel/deadlines.ts';

export interface LocalConnectionOwner {
  /** An exchange is complete and the connection may carry another. */
  released(connection: LocalConnection): void;
  /** The app sent bytes behind a complete response, or without a request. The connection is closed. */
  excess(connection: LocalConnection): void;
  /** The connection is closed, whoever closed it. Once. */
  lost(connection: LocalConnection): void;
  idleExpired(connection: LocalConnection): void;
}

/** Shorter than the keep-alive of common app servers (uvicorn and Node 5 s), so that they hardly ever close one under a request. */
const idleConnectionMs = 2_000;

/** What the last request asked for, for the line that tells the owner about excess bytes. */
interface Asked {
  readonly method: string;
  readonly target: string;
}

export class LocalConnection implements Expiring {
  readonly http: HttpConnection;
  /** The pool's, while the connection is idle. */
  readonly idleDeadline: Deadline;
  last: Asked | undefined;
  /** No request may follow the one in flight. */
  single = false;
  readonly #owner: LocalConnectionOwner;

  constructor(pipe: BytePipe, owner: LocalConnectionOwner) {
    this.#owner = owner;
    this.idleDeadline = new Deadline(this);
    this.http = new HttpConnection(pipe, {
      rested: () => {
        owner.released(this);
      },
      excess: () => {
        owner.excess(this);
      },
      lost: () => {
        owner.lost(this);
      },
    });
  }

  /** Whether it carried a request before: such a connection may turn out to have died unnoticed. */
  get used(): boolean {
    return this.http.exchanges > 0;
  }

  /** How long it may be idle, milliseconds: half of what the app announces, if that is less; 0: not at all. */
  get idleTimeoutMs(): number {
    if (this.single) return 0;
    const { keepAliveMs } = this.http;
    return keepAliveMs === undefined ? idleConnectionMs : Math.min(idleConnectionMs, keepAliveMs / 2);
  }

  expired(): void {
    this.#owner.idleExpired(this);
  }
}
