// Serialises the requests of one HTTP/1 connection: one at a time, even if the client pipelines,
// and an error response follows the responses that are due before it. Stops reading while too many
// requests wait.
import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import process from 'node:process';
import type { Duplex } from 'node:stream';
import { Deadline, type Expiring } from '../../kernel/work/deadlines.ts';
import { GatewayError } from '../../kernel/errors/gateway-error.ts';
import type { RawHeaders } from '../../kernel/http/http.ts';
import type { ClientRequest } from '../client-request.ts';
import type { Departing } from '../listen/last-look.ts';
import { endSoon } from '../../kernel/net/linger.ts';
import { splice } from '../../kernel/net/splice.ts';
import { endIdle } from './close-gracefully.ts';
import { parseFaultOf } from './parse-fault.ts';
import type { Peer } from '../listen/peer.ts';
import { refuse } from './raw-response.ts';
import type { ServerHost } from '../server-host.ts';
import { RequestCycle, type RequestCycleConnection } from './request-cycle.ts';
import { corsFieldsOfUnread } from './unread-head.ts';
import { takeSocket } from './upgrade.ts';
import { isHttp2Preface, refuseHttp2, reportTls, spokenProtocol } from '../listen/wrong-protocol.ts';

/**
 * If more requests than this wait, reading stops until half of them have been served. Requests in
 * the same read (64 KiB) are parsed already and wait as well. Load generators pipeline some tens of
 * requests, browsers none.
 */
const maxAhead = 64;

export class Http1Connection implements RequestCycleConnection, Expiring, Departing {
  readonly socket: Socket;
  readonly peer: Peer;
  readonly #host: ServerHost;
  /** The first is being served, the others wait. */
  readonly #cycles: RequestCycle[] = [];
  /** The response was complete before all of the request had arrived. */
  #unreceived: RequestCycle | undefined = undefined;
  /** Why nothing after the last request can be read. */
  #refusal: GatewayError | undefined = undefined;
  #ending = false;
  /** Bytes of the socket before the first request: a PROXY protocol header. */
  readonly #bytesAtStart: number;
  #retired = false;
  /**
   * `bytesRead` of the socket when the last request ended: a larger value means that another
   * request has begun.
   */
  #bytesAtRest: number;
  /** Reading is paused because of maxAhead. */
  #held = false;
  /** For a head that began before reading stopped, and that Node's timer no longer watches. */
  #headDeadline: Deadline | undefined = undefined;
  /** The error that Node's timer reported. */
  #lateHead: Error | undefined = undefined;
  /** How long the connection may be idle during a drain. Undefined: the gateway is not draining. */
  #lingerMs: number | undefined = undefined;
  readonly #lingerDeadline = new Deadline({
    expired: () => {
      this.#host.lastLook.add(this);
    },
  });

  constructor(socket: Socket, peer: Peer, host: ServerHost) {
    this.socket = socket;
    this.peer = peer;
    this.#host = host;
    this.#bytesAtStart = socket.bytesRead - socket.readableLength;
    this.#bytesAtRest = this.#bytesAtStart;
  }

  get busy(): boolean {
    return this.#cycles.length > 0;
  }

  /** No byte of an unserved request has arrived. */
  get atRest(): boolean {
    return !this.busy && this.socket.bytesRead === this.#bytesAtRest;
  }

  request(request: ClientRequest, response: ServerResponse, upgrade: boolean): void {
    // After a message that could not be parsed, the rest cannot be parsed either.
    if (this.#ending || this.#refusal !== undefined) return;
    if (this.#headDeadline !== undefined) {
      this.#host.deadlines.disarm(this.#headDeadline);
      this.#headDeadline = undefined;
    }
    const cycle = new RequestCycle(request, response, upgrade, this, this.#host);
    this.#cycles.push(cycle);
    if (this.#cycles.length > maxAhead) this.#hold();
    this.#host.deadlines.disarm(this.#lingerDeadline);
    if (this.#cycles.length > 1) return;
    // Requests later in the same read must be seen first, so that only the last response announces
    // the end of the connection.
    if (this.#host.sendsAway() && !upgrade) process.nextTick(this.#startFirst);
    else cycle.start();
  }

  readonly #startFirst = (): void => {
    if (!this.socket.destroyed) this.#cycles[0]?.start();
  };

  /** No further request has been read. */
  get isLast(): boolean {
    return this.#cycles.length === 1 && this.#refusal === undefined;
  }

  #hold(): void {
    if (this.#held) return;
    this.#held = true;
    this.socket.on('resume', this.#resumed).pause();
  }

  /** The reader of a body resumes the socket even after the whole body has arrived. */
  readonly #resumed = (): void => {
    if (this.#held && !this.#ending) this.socket.pause();
  };

  #release(): void {
    this.#held = false;
    if (this.#headDeadline !== undefined) {
      this.#host.deadlines.arm(this.#headDeadline, this.#host.policy().limits.readHeaderTimeoutMs);
    }
    this.socket.off('resume', this.#resumed).resume();
  }

  /** The rest of a head did not arrive after reading was resumed. */
  expired(): void {
    this.#headDeadline = undefined;
    const error = this.#lateHead;
    const fault = error === undefined ? 'gone' : parseFaultOf(error, this.socket);
    if (error !== undefined && fault instanceof GatewayError && !this.#ending) this.#refuseBehind(error, fault);
  }

  /** Handles an error of Node's parser, or of its timer. */
  fault(error: Error): void {
    if (this.#ending) return;
    const fault = parseFaultOf(error, this.socket);
    if (this.#isFirst && this.#speaksOther(error)) return;
    if (fault === 'harmless') {
      // The parser considers the connection closed, for example after a trailer, and never reads
      // on. Close it, so that a client that goes on notices.
      if (!this.busy) endSoon(this.socket);
      return;
    }
    // An unused connection is closed without a response, as browsers expect.
    if (fault === 'gone' || (fault.code === 'request_timeout' && this.atRest)) {
      this.socket.destroy();
      return;
    }
    // The client is not late: the gateway has stopped reading. Node reports this once for each
    // head.
    if (fault.code === 'request_timeout' && this.#held) {
      this.#headDeadline ??= new Deadline(this);
      this.#lateHead = error;
    } else this.#refuseBehind(error, fault);
  }

  /** No request has begun before the one that could not be parsed. */
  get #isFirst(): boolean {
    return !this.busy && this.#bytesAtRest === this.#bytesAtStart;
  }

  /**
   * Returns true if the client does not speak HTTP/1; the client then gets a response and the event
   * is logged.
   */
  #speaksOther(error: Error): boolean {
    const { rawPacket } = error as Error & { rawPacket?: Buffer };
    const spoken = isHttp2Preface(error) ? 'http2' : rawPacket && spokenProtocol(rawPacket);
    if (spoken === 'tls' && !this.peer.encrypted) {
      reportTls(this.peer);
      this.refuse(new GatewayError('invalid_request', 'This port speaks plain HTTP, not TLS: use http.'));
      return true;
    }
    if (spoken !== 'http2') return false;
    this.#ending = true;
    refuseHttp2(this.socket, this.peer);
    return true;
  }

  /** Rejects after the responses that are due. */
  #refuseBehind(error: Error, fault: GatewayError): void {
    const last = this.#cycles.at(-1);
    if (last === undefined) this.refuse(fault, corsFieldsOfUnread(error, fault, this.peer, this.#host.policy()));
    else if (last.received) this.#refusal ??= fault;
    else last.bodyFault(fault);
  }

  /** Sends the last response on this connection, to input that is not a valid request. */
  refuse(error: GatewayError, more?: RawHeaders): void {
    this.#ending = true;
    refuse(this.socket, error, this.peer, this.#host.policy(), more);
  }

  /** From now on the connection is closed once it has been idle for `lingerMs`. */
  drain(lingerMs: number): void {
    this.#lingerMs = lingerMs;
    if (!this.busy) this.#linger(lingerMs);
  }

  #linger(lingerMs: number): void {
    if (lingerMs === 0) this.#host.lastLook.add(this);
    else this.#host.deadlines.arm(this.#lingerDeadline, lingerMs);
  }

  /**
   * The connection has reached its idle limit. A request that has begun is still served; its
   * response ends the connection.
   */
  leave(): void {
    if (this.#ending || this.socket.destroyed || !this.atRest) return;
    this.#ending = true;
    endIdle(this.socket);
  }

  get retired(): boolean {
    return this.#retired;
  }

  /**
   * The connection ends with its next response, which announces it. A response that has already
   * begun did not announce it, so another request may be on its way.
   */
  retire(): void {
    this.#retired = true;
  }

  /** Closes the connection at once, even with requests in flight. */
  cut(): void {
    this.#ending = true;
    for (const cycle of this.#cycles) cycle.cancel();
    this.socket.destroy();
  }

  /** The connection is about to be closed: requests in flight fail with the reason. */
  abandon(reason: GatewayError): void {
    this.#ending = true;
    for (const cycle of this.#cycles) cycle.cancel(reason);
  }

  /** The socket was closed. */
  closed(): void {
    if (this.#headDeadline !== undefined) this.#host.deadlines.disarm(this.#headDeadline);
    this.#host.deadlines.disarm(this.#lingerDeadline);
    this.#unreceived?.leaveBody();
  }

  closeAfterResponse(): void {
    this.#ending = true;
  }

  switched(response: ServerResponse, head: string, peer: Duplex): void {
    const socket = takeSocket(response);
    if (socket === undefined) {
      peer.destroy();
      return;
    }
    this.#ending = true;
    socket.write(head, 'latin1');
    splice(socket, peer);
  }

  over(): void {
    const cycle = this.#cycles.shift();
    this.#unreceived = cycle?.received === false ? cycle : undefined;
    this.#bytesAtRest = this.socket.bytesRead;
    if (this.socket.destroyed) return;
    if (this.#held && this.#cycles.length <= maxAhead / 2) this.#release();
    const [next] = this.#cycles;
    if (this.#ending) endSoon(this.socket);
    else if (next !== undefined) next.start();
    else if (this.#refusal !== undefined) this.refuse(this.#refusal);
    // The response began before the drain and did not announce an end, so another request may be on
    // its way.
    else if (this.#lingerMs !== undefined) this.#linger(this.#lingerMs);
  }
}
