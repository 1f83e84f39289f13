// Owns the seam between the front door, what is spoken behind it, and the rest of the server: a connection goes in, exchanges come out.
import type { Socket } from 'node:net';
import type { Clock } from '../kernel/clock.ts';
import type { GatewayError } from '../kernel/errors/gateway-error.ts';
import type { Deadlines } from '../kernel/work/deadlines.ts';
import type { Policy } from '../policy/policy.ts';
import type { LastLook } from './listen/last-look.ts';
import type { Peer } from './listen/peer.ts';
import type { Receive } from './reception.ts';

/**
 * Takes a connection over: reading, writing, ending. It is paused when bytes of it wait to be read. Who gave it still counts it, and
 * destroys it at the latest.
 */
export type ConnectionHandler = (socket: Socket, peer: Peer) => void;

/** A protocol that is spoken on accepted connections. */
export interface ConnectionProtocol {
  readonly accept: ConnectionHandler;
  /**
   * Idle connections end after `lingerMs`, unless a request comes on them; the others end with their next response. The same for
   * connections that are accepted from now on. Called once.
   */
  drain(lingerMs: number): void;
  /** Responds to the requests in flight with `reason` where that is still possible: the connections are about to be cut. */
  abandon(reason: GatewayError): void;
  /** Lets go of timers. The connections are their giver's to destroy. */
  close(): void;
}

/** A protocol that can end a single connection in order. */
export interface RetiringProtocol extends ConnectionProtocol {
  /** The connection takes no more requests than needed to end in order: HTTP/1 ends with its next response, HTTP/2 by GOAWAY. */
  retire(socket: Socket): void;
}

/** What a protocol needs of the server. */
export interface ServerHost {
  /** True: connections end with their next response. */
  readonly sendsAway: () => boolean;
  readonly deadlines: Deadlines;
  /** For connections that end because they are idle. */
  readonly lastLook: LastLook;
  readonly clock: Clock;
  /** The window over which gateway.min_write_rate is a mean. */
  readonly writeRateWindowMs: number;
  /** Larger heads are 431. */
  readonly maxHeaderBytes: number;
  /** Longer targets are 414. */
  readonly maxTargetBytes: number;
  /** The current snapshot: taken once for each request. */
  readonly policy: () => Policy;
  readonly receive: Receive;
}
