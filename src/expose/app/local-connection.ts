// An HTTP connection to the app, with the state that its pool needs. local-dial.ts opens the sockets.
import { HttpConnection } from '../../http-client/connection.ts';
import type { StreamPipe } from '../../http-client/stream-pipe.ts';
import { Deadline, type Expiring } from '../../kernel/work/deadlines.ts';

export interface LocalConnectionOwner {
  /** An exchange is complete and the connection may carry another. */
  released(connection: LocalConnection): void;
  /** The app sent bytes behind a complete response, or without a request. The connection is closed. */
  excess(connection: LocalConnection): void;
  /** The connection is closed, by either side. Called once. */
  lost(connection: LocalConnection): void;
  idleExpired(connection: LocalConnection): void;
}

/** Shorter than the keep-alive of common app servers (uvicorn and Node 5 s), so that they rarely close one while a request is sent. */
const idleConnectionMs = 2_000;

/** For the line that reports excess bytes to the owner of the app. */
interface LastRequest {
  readonly method: string;
  readonly target: string;
}

export class LocalConnection implements Expiring {
  readonly http: HttpConnection;
  /** Armed by the pool while the connection is idle. */
  readonly idleDeadline: Deadline;
  last: LastRequest | undefined;
  /** The connection closes after the request in flight. */
  single = false;
  readonly #owner: LocalConnectionOwner;
  readonly #pipe: StreamPipe;

  constructor(pipe: StreamPipe, owner: LocalConnectionOwner) {
    this.#owner = owner;
    this.#pipe = pipe;
    this.idleDeadline = new Deadline(this);
    this.http = new HttpConnection(pipe, {
      idle: () => {
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

  /** Whether it has carried a request: the app may have closed such a connection without our knowing yet. */
  get used(): boolean {
    return this.http.exchanges > 0;
  }

  /** How long it may be idle, milliseconds: half of what the app announces, if that is less; 0: not at all. */
  get idleTimeoutMs(): number {
    if (this.single) return 0;
    const { keepAliveMs } = this.http;
    return keepAliveMs === undefined ? idleConnectionMs : Math.min(idleConnectionMs, keepAliveMs / 2);
  }

  /** Closes an idle connection by a reset. */
  reset(): void {
    this.#pipe.reset();
  }

  expired(): void {
    this.#owner.idleExpired(this);
  }
}
