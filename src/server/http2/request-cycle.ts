// One request and its response on an HTTP/2 stream. Checks the head, creates the exchange and the
// sink, and handles errors in the body depending on how far the response has come.
import type { ServerHttp2Stream } from 'node:http2';
import { Deadline, type Expiring } from '../../kernel/work/deadlines.ts';
import { GatewayError } from '../../kernel/errors/gateway-error.ts';
import type { RawHeaders } from '../../kernel/http/http.ts';
import { ignore } from '../../kernel/ignore.ts';
import { BodyWatch, type BodyOwner } from '../body-watch.ts';
import { ClientExchange } from '../client-exchange.ts';
import { checkHead } from '../head-check.ts';
import { Http2Body } from './body.ts';
import { translateHead } from './head.ts';
import { resetStream } from './reset.ts';
import { Http2Sink, type Http2SinkHost } from './http2-sink.ts';
import type { Peer } from '../listen/peer.ts';
import { refuseRequest } from '../../pipeline/refuse-request.ts';
import type { ServerHost } from '../server-host.ts';
import { type WriteRate, writeRateOf } from '../write-rate.ts';
import { http2Errors } from './http2-errors.ts';

/** What a request cycle needs from its connection. */
export interface Http2RequestCycleConnection {
  readonly peer: Peer;
  /** A DATA frame arrived from the client, even if it is never read. */
  dataReceived(bytes: number): void;
  /**
   * The stream is over. `abandoned`: it ended before its response was complete, and not because the
   * gateway reset it.
   */
  over(cycle: Http2RequestCycle, abandoned: boolean): void;
}

/**
 * How soon to check again whether the end of a response was sent, on a connection whose client does
 * not read.
 */
const restRetryMs = 50;

export class Http2RequestCycle implements Http2SinkHost, BodyOwner, Expiring {
  readonly #stream: ServerHttp2Stream;
  readonly #host: ServerHost;
  readonly #connection: Http2RequestCycleConnection;
  readonly #exchange: ClientExchange;
  readonly #body: Http2Body;
  readonly #watch: BodyWatch;
  readonly #sink: Http2Sink;
  /** How long the client may take to read the end of a complete response. */
  readonly #deadline = new Deadline(this);
  readonly #fault: GatewayError | undefined;
  #expired = false;
  /** A DATA frame with content has arrived, read or not. */
  #hasData = false;
  #hasEnded = false;

  constructor(stream: ServerHttp2Stream, raw: RawHeaders, connection: Http2RequestCycleConnection, host: ServerHost) {
    this.#stream = stream;
    this.#connection = connection;
    this.#host = host;
    const policy = host.policy();
    const { maxBodyBytes, bodyTimeoutMs } = policy.limits;
    const { req, tunnelling, fault } = translateHead(raw, stream.endAfterHeaders, host.maxHeaderBytes);
    const head = fault ?? checkHead(req, '1.1', { maxTargetBytes: host.maxTargetBytes, maxBodyBytes });
    const refused = head instanceof GatewayError;
    this.#fault = refused ? head : undefined;
    const bounds = { maxBytes: maxBodyBytes, pauseMs: bodyTimeoutMs };
    this.#watch = new BodyWatch(bounds, host.deadlines, this, !refused && head.expectsContinue);
    this.#body = new Http2Body(stream, refused ? 'none' : head.bodyLength, this.#watch);
    const startedMs = host.clock.monotonicMs();
    this.#exchange = ClientExchange.of(
      { req, body: this.#body, httpVersion: '2', peer: connection.peer, startedMs },
      policy,
    );
    this.#sink = new Http2Sink(stream, this.#exchange, tunnelling, this);
    const push = stream.push.bind(stream);
    // Node passes every DATA frame to push(), even if the stream is not read.
    stream.push = (piece: Buffer | null): boolean => {
      if (piece === null) this.#hasEnded = true;
      else {
        connection.dataReceived(piece.length);
        this.#hasData = true;
      }
      return push(piece);
    };
    stream.on('error', ignore).once('aborted', this.#aborted).once('close', this.#closed);
  }

  /** Whether the client still counts this stream as open. */
  get open(): boolean {
    return !this.#stream.closed;
  }

  start(): void {
    if (this.#fault !== undefined) refuseRequest(this.#exchange, this.#sink, this.#fault);
    // Node reports a head before it parses the frames after it, and only those show whether a body
    // without a length is empty.
    else if (this.#body.lengthBytes === null) setImmediate(this.#begin);
    else this.#begin();
  }

  readonly #begin = (): void => {
    const stream = this.#stream;
    // Reset, or responded to, in the meantime.
    if (stream.destroyed || stream.closed || this.#sink.begun) return;
    if (this.#hasEnded && !this.#hasData) this.#body.endedEmpty();
    this.#host.dispatch(this.#exchange, this.#sink);
  };

  cancel(reason: GatewayError): void {
    this.#sink.fail(reason);
    this.#exchange.cancellation.cancel();
  }

  bodyFault(error: GatewayError): void {
    if (this.#body.started) {
      // The reader of the body aborts the request to the app and reports the fault as the response.
      this.#body.fail(error);
    } else {
      this.#sink.fail(error);
      this.#exchange.cancellation.cancel();
    }
  }

  bodyStalled(error: GatewayError): void {
    // While the app sends its response, the app decides how long the upload may pause.
    if (this.#sink.begun) this.#watch.wanted();
    else this.bodyFault(error);
  }

  writeRate(tooSlow: () => void): WriteRate | undefined {
    return writeRateOf(this.#exchange.policy, this.#host, tooSlow);
  }

  continued(): void {
    this.#watch.continued();
  }

  responded(): void {
    const stream = this.#stream;
    this.#host.deadlines.arm(this.#deadline, this.#exchange.policy.limits.idleTimeoutMs);
    // RFC 9113 §8.1: the response is complete, so the rest of the request is not needed.
    if (stream.writableFinished) this.#leaveRest();
    else stream.once('finish', this.#leaveRest);
  }

  /** The client does not read the end of its response. */
  expired(): void {
    this.#expired = true;
    resetStream(this.#stream, http2Errors.cancel);
  }

  readonly #leaveRest = (): void => {
    const stream = this.#stream;
    // Deferred: this may run within nghttp2, before it counts the current frame.
    if (!stream.endAfterHeaders) setImmediate(this.#resetRest);
    // Node keeps a stream until its received data has been read.
    stream.resume();
  };

  /**
   * Resets only after END_STREAM was sent: a reset overtakes data that nghttp2 has not sent yet,
   * possibly the whole response.
   */
  readonly #resetRest = (): void => {
    const stream = this.#stream;
    if (stream.destroyed || stream.closed || stream.state.remoteClose === 1) return;
    if (stream.state.localClose === 1) stream.close(http2Errors.noError);
    // The connection is congested; the deadline ends the stream.
    else setTimeout(this.#resetRest, restRetryMs).unref();
  };

  /** Node keeps a stream that was reset without an error until its buffered body has been read. */
  readonly #aborted = (): void => {
    if (this.#stream.rstCode === http2Errors.noError) setImmediate(() => this.#stream.destroy());
  };

  readonly #closed = (): void => {
    this.#host.deadlines.disarm(this.#deadline);
    this.#watch.end();
    this.#sink.closed();
    this.#connection.over(this, this.#sink.abandoned && !this.#expired);
  };
}
