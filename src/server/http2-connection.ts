// Owns one HTTP/2 connection: its bounds, its rest and its end. What becomes of a stream is its turn's.
import { constants, performServerHandshake, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2';
import type { Socket } from 'node:net';
import { systemClock } from '../kernel/clock.ts';
import { Deadline, type Expiring } from '../kernel/deadlines.ts';
import type { GatewayError } from '../kernel/errors.ts';
import type { RawHeaders } from '../kernel/http.ts';
import { abandonedRate, connectionWindowBytes, controlFrameRate, RateBound, sessionOptions } from './http2-bounds.ts';
import { Http2Turn, type Http2TurnConnection } from './http2-turn.ts';
import type { Peer } from './peer.ts';
import type { ServerHost } from './server-host.ts';

/** As long as a client may take to notice that the connection is over. */
const lingerMs = 2_000;

/** opening: the client has not even said that it speaks HTTP/2. ending: no new streams; those that are open end by themselves. */
type Phase = 'opening' | 'open' | 'ending' | 'over';

export class Http2Connection implements Http2TurnConnection, Expiring {
  readonly peer: Peer;
  readonly #socket: Socket;
  readonly #host: ServerHost;
  readonly #session: ServerHttp2Session;
  readonly #abandoned = new RateBound(abandonedRate, systemClock);
  readonly #controlFrames = new RateBound(controlFrameRate, systemClock);
  /** While there is no stream. */
  readonly #deadline = new Deadline(this);
  #phase: Phase = 'opening';
  readonly #turns = new Set<Http2Turn>();

  constructor(socket: Socket, peer: Peer, host: ServerHost) {
    this.peer = peer;
    this.#socket = socket;
    this.#host = host;
    // A client that ends its side can't even acknowledge what it is sent: it has left.
    socket.allowHalfOpen = false;
    this.#session = performServerHandshake(socket, sessionOptions(host.maxHeaderBytes));
    this.#session.setLocalWindowSize(connectionWindowBytes);
    this.#session
      .on('stream', this.#begun as unknown as (stream: ServerHttp2Stream) => void)
      .on('remoteSettings', this.#settled)
      .on('ping', this.#controlled)
      .on('goaway', this.#controlled)
      .on('error', ignore)
      .once('close', this.#closed);
    host.deadlines.arm(this.#deadline, host.policy().limits.readHeaderTimeoutMs);
  }

  /** No new streams; the connection ends with the last one. Idempotent. */
  drain(): void {
    if (this.#phase === 'ending' || this.#phase === 'over') return;
    this.#phase = 'ending';
    // GOAWAY, which tells the client which of its requests may be sent again elsewhere; then the end of the connection.
    this.#session.close();
    if (this.#turns.size === 0) this.#await(lingerMs);
  }

  /** What is under way is answered, or reset. */
  abandon(reason: GatewayError): void {
    for (const turn of this.#turns) turn.cancel(reason);
  }

  over(turn: Http2Turn, abandoned: boolean): void {
    this.#turns.delete(turn);
    if (abandoned) this.#spend(this.#abandoned);
    if (this.#turns.size === 0) this.#await(this.#phase === 'ending' ? lingerMs : this.#idleTimeoutMs);
  }

  /** Nothing was asked for all the time; or the client does not let go of a connection that is over. */
  expired(): void {
    if (this.#phase === 'ending') this.#socket.destroy();
    else this.drain();
  }

  get #idleTimeoutMs(): number {
    return this.#host.policy().limits.idleTimeoutMs;
  }

  readonly #begun = (stream: ServerHttp2Stream, _fields: unknown, _flags: number, raw: RawHeaders): void => {
    if (this.#phase === 'over') return;
    // Reset in the same breath: not worth a look.
    if (stream.destroyed || stream.closed) {
      this.#spend(this.#abandoned);
      return;
    }
    this.#host.deadlines.disarm(this.#deadline);
    const turn = new Http2Turn(stream, raw, this, this.#host);
    this.#turns.add(turn);
    turn.start();
  };

  readonly #settled = (): void => {
    if (this.#phase === 'opening') {
      this.#phase = 'open';
      if (this.#turns.size === 0) this.#await(this.#idleTimeoutMs);
    } else this.#controlled();
  };

  readonly #controlled = (): void => {
    this.#spend(this.#controlFrames);
  };

  readonly #closed = (): void => {
    this.#phase = 'over';
    this.#host.deadlines.disarm(this.#deadline);
  };

  #await(ms: number): void {
    if (this.#phase !== 'over') this.#host.deadlines.arm(this.#deadline, ms);
  }

  /** A client that asks for too much is cut, whatever is under way. */
  #spend(bound: RateBound): void {
    if (this.#phase === 'over' || bound.spend()) return;
    this.#phase = 'over';
    this.#session.destroy(new Error('the client asks for too much'), constants.NGHTTP2_ENHANCE_YOUR_CALM);
  }
}

function ignore(): void {
  // 'close' follows
}
