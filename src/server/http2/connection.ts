// One HTTP/2 connection: its bounds, its idle time and its end. Http2RequestCycle handles its
// streams.
import type * as Http2Module from 'node:http2';
import type { ServerHttp2Session, ServerHttp2Stream } from 'node:http2';
import type { Socket } from 'node:net';
import { Deadline, type Expiring } from '../../kernel/work/deadlines.ts';
import type { GatewayError } from '../../kernel/errors/gateway-error.ts';
import type { RawHeaders } from '../../kernel/http/http.ts';
import { ignore } from '../../kernel/ignore.ts';
import {
  abandonedRate,
  connectionWindowBytes,
  controlFrameRate,
  maxServedStreams,
  RateBound,
  refusedRate,
  sessionOptions,
  smallDataBytes,
  smallDataRate,
} from './bounds.ts';
import { Http2HeadWatch } from './head-watch.ts';
import { http2Errors } from './http2-errors.ts';
import { Http2RequestCycle, type Http2RequestCycleConnection } from './request-cycle.ts';
import type { Departing } from '../listen/last-look.ts';
import type { Peer } from '../listen/peer.ts';
import type { ServerHost } from '../server-host.ts';

/** How long a client may take to notice that the connection is over. */
const lingerMs = 2_000;

/** opening: the client's SETTINGS have not arrived. ending: no new streams; open ones complete. */
type Phase = 'opening' | 'open' | 'ending' | 'over';

export class Http2Connection implements Http2RequestCycleConnection, Expiring, Departing {
  readonly peer: Peer;
  readonly #socket: Socket;
  readonly #host: ServerHost;
  readonly #session: ServerHttp2Session;
  readonly #abandoned: RateBound;
  readonly #refused: RateBound;
  readonly #smallData: RateBound;
  readonly #controlFrames: RateBound;
  readonly #heads: Http2HeadWatch;
  /** Armed while there is no stream. */
  readonly #deadline = new Deadline(this);
  /** Armed while the gateway drains. */
  readonly #drainDeadline = new Deadline({
    expired: () => {
      this.#host.lastLook.add(this);
    },
  });
  #draining = false;
  #phase: Phase = 'opening';
  readonly #cycles = new Set<Http2RequestCycle>();

  constructor(socket: Socket, peer: Peer, host: ServerHost, http2: typeof Http2Module) {
    this.peer = peer;
    this.#socket = socket;
    this.#host = host;
    this.#abandoned = new RateBound(abandonedRate, host.clock);
    this.#refused = new RateBound(refusedRate, host.clock);
    this.#smallData = new RateBound(smallDataRate, host.clock);
    this.#controlFrames = new RateBound(controlFrameRate, host.clock);
    // A client that ends its side cannot even acknowledge what it is sent, so it has left.
    socket.allowHalfOpen = false;
    this.#session = http2.performServerHandshake(socket, sessionOptions(host.maxHeaderBytes));
    this.#session.setLocalWindowSize(connectionWindowBytes);
    this.#session
      .on('stream', this.#begun as unknown as (stream: ServerHttp2Stream) => void)
      .on('remoteSettings', this.#settled)
      .on('ping', this.#controlled)
      .on('goaway', this.#controlled)
      .on('error', ignore)
      .once('close', this.#closed);
    host.deadlines.arm(this.#deadline, this.#readHeaderTimeoutMs);
    this.#heads = new Http2HeadWatch(this.#session, host, () => this.#readHeaderTimeoutMs, this.#headLate);
  }

  /**
   * Serves requests that arrive within `lingerMs`, then accepts no new streams and ends with the
   * last one.
   */
  drain(lingerMs: number): void {
    this.#draining = true;
    if (lingerMs > 0) this.#host.deadlines.arm(this.#drainDeadline, lingerMs);
    else this.#host.lastLook.add(this);
  }

  /** The connection has been idle, or has drained, for its time limit. */
  leave(): void {
    if (this.#draining || this.#cycles.size === 0) this.#finish();
  }

  /** Accepts no new streams from now on, and ends with the last one. */
  retire(): void {
    this.#finish();
  }

  /** Responds to requests in flight with the reason, or resets them. */
  abandon(reason: GatewayError): void {
    for (const cycle of this.#cycles) cycle.cancel(reason);
    this.#finish();
  }

  dataReceived(bytes: number): void {
    if (bytes < smallDataBytes) this.#spend(this.#smallData);
  }

  over(cycle: Http2RequestCycle, abandoned: boolean): void {
    this.#cycles.delete(cycle);
    if (abandoned) this.#spend(this.#abandoned);
    if (this.#cycles.size === 0) this.#await(this.#phase === 'ending' ? lingerMs : this.#idleTimeoutMs);
  }

  /** No request arrived in time, or the client does not close a connection that is over. */
  expired(): void {
    if (this.#phase === 'ending') this.#socket.destroy();
    else this.#host.lastLook.add(this);
  }

  get #readHeaderTimeoutMs(): number {
    return this.#host.policy().limits.readHeaderTimeoutMs;
  }

  get #idleTimeoutMs(): number {
    return this.#host.policy().limits.idleTimeoutMs;
  }

  readonly #begun = (stream: ServerHttp2Stream, _fields: unknown, _flags: number, raw: RawHeaders): void => {
    if (this.#phase === 'over') return;
    // Node omits the id once the stream is destroyed.
    if (stream.id !== undefined) this.#heads.complete(stream.id);
    // Reset right after it was opened: do not process it.
    if (stream.destroyed || stream.closed) {
      this.#spend(this.#abandoned);
      return;
    }
    if (this.#cycles.size >= maxServedStreams && this.#served() >= maxServedStreams) {
      stream.on('error', ignore).close(http2Errors.refusedStream);
      this.#spend(this.#refused);
      return;
    }
    this.#host.deadlines.disarm(this.#deadline);
    const cycle = new Http2RequestCycle(stream, raw, this, this.#host);
    this.#cycles.add(cycle);
    cycle.start();
  };

  readonly #settled = (): void => {
    if (this.#phase === 'opening') {
      this.#phase = 'open';
      if (this.#cycles.size === 0) this.#await(this.#idleTimeoutMs);
    } else this.#controlled();
  };

  readonly #controlled = (): void => {
    this.#spend(this.#controlFrames);
  };

  readonly #closed = (): void => {
    this.#phase = 'over';
    this.#host.deadlines.disarm(this.#deadline);
    this.#host.deadlines.disarm(this.#drainDeadline);
    this.#heads.end();
  };

  /** Frames of other streams cannot come within a head, so the whole connection waits for it. */
  readonly #headLate = (): void => {
    this.#phase = 'over';
    this.#session.destroy(undefined, http2Errors.noError);
  };

  /**
   * Counts the streams that are open for the client as well: Node keeps some for a moment after
   * their end.
   */
  #served(): number {
    let served = 0;
    for (const cycle of this.#cycles) if (cycle.open) served += 1;
    return served;
  }

  #finish(): void {
    if (this.#phase === 'ending' || this.#phase === 'over') return;
    this.#phase = 'ending';
    // Sends GOAWAY with the last stream processed: the client may retry later ones elsewhere,
    // whatever their method. An earlier GOAWAY with the highest id (RFC 9113 §6.8) is not possible:
    // nghttp2 ignores every stream that begins after a GOAWAY of session.goaway(), Node does not
    // expose nghttp2_submit_shutdown_notice(), and writing a frame to a TLS socket past the session
    // aborts the process.
    this.#session.close();
    if (this.#cycles.size === 0) this.#await(lingerMs);
  }

  #await(ms: number): void {
    if (this.#phase !== 'over') this.#host.deadlines.arm(this.#deadline, ms);
  }

  /** Ends the connection of a client that exceeds a limit, even with requests in flight. */
  #spend(bound: RateBound): void {
    if (this.#phase === 'over' || bound.spend()) return;
    this.#phase = 'over';
    this.#session.destroy(new Error('the client exceeds a rate limit of the connection'), http2Errors.enhanceYourCalm);
  }
}
