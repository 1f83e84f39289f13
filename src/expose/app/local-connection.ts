// An HTTP connection to the app, with the state that its pool needs. local-dial.ts opens the
// sockets.
import { HttpConnection } from '../../http-client/client-connection.ts';
import type { StreamPipe } from '../../http-client/stream-pipe.ts';
import { Deadline, type Expiring } from '../../kernel/work/deadlines.ts';

export interface LocalConnectionOwner {
  /** An exchange is complete, and the connection may carry another one. */
  released(connection: LocalConnection): void;
  /**
   * The app sent bytes after a complete response, or without a request. The connection is closed.
   */
  excess(connection: LocalConnection): void;
  /** The connection is closed, by either side. Called once. */
  lost(connection: LocalConnection): void;
  idleExpired(connection: LocalConnection): void;
}

/**
 * Shorter than the keep-alive of common app servers (uvicorn and Node: 5 s), so that they rarely
 * close a connection while a request is being sent.
 */
const idleConnectionMs = 2_000;

/** Named in the message that reports excess bytes to the app's owner. */
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

  /**
   * True if the connection has carried a request. The app may already have closed such a connection
   * without our noticing.
   */
  get used(): boolean {
    return this.http.exchanges > 0;
  }

  /**
   * Idle timeout in milliseconds: half of what the app announces, if that is shorter; 0: the
   * connection is not kept.
   */
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
