// The interfaces between the listeners, the protocols and the rest of the server.
import type { Socket } from 'node:net';
import type { Clock } from '../kernel/clock.ts';
import type { GatewayError } from '../kernel/errors/gateway-error.ts';
import type { Deadlines } from '../kernel/work/deadlines.ts';
import type { Policy } from '../policy/policy.ts';
import type { LastLook } from './listen/last-look.ts';
import type { Peer } from './listen/peer.ts';
import type { Dispatch } from '../pipeline/stage.ts';

/**
 * Takes over a connection: reading, writing and closing. The socket is paused if received bytes
 * wait to be read. The caller still counts the connection, and destroys it if it has not ended by
 * the time the listener is cut.
 */
export type ConnectionHandler = (socket: Socket, peer: Peer) => void;

/** A protocol on accepted connections. */
export interface ConnectionProtocol {
  readonly accept: ConnectionHandler;
  /**
   * Idle connections end after `lingerMs` unless a request arrives; the others end with their next
   * response. Applies to connections accepted later as well. Called once.
   */
  drain(lingerMs: number): void;
  /**
   * Responds to the requests in flight with `reason` where that is still possible, before the
   * connections are closed.
   */
  abandon(reason: GatewayError): void;
  /** Stops timers. The listener destroys the connections. */
  close(): void;
}

/** A protocol that can gracefully end a single connection. */
export interface RetiringProtocol extends ConnectionProtocol {
  /** Ends the connection gracefully: HTTP/1 with its next response, HTTP/2 by GOAWAY. */
  retire(socket: Socket): void;
}

/** What a protocol needs from the server. */
export interface ServerHost {
  /** True: connections end with their next response. */
  readonly sendsAway: () => boolean;
  readonly deadlines: Deadlines;
  /** For idle connections that are to be closed. */
  readonly lastLook: LastLook;
  readonly clock: Clock;
  /** The window over which gateway.min_write_rate is averaged. */
  readonly writeRateWindowMs: number;
  /** Larger heads are rejected with 431. */
  readonly maxHeaderBytes: number;
  /** Longer targets are rejected with 414. */
  readonly maxTargetBytes: number;
  /** The current snapshot: taken once for each request. */
  readonly policy: () => Policy;
  readonly dispatch: Dispatch;
}
