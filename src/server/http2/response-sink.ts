// Writes a response to an HTTP/2 client: a stream as a Sink. Frames the body, and resets the stream
// of a response that cannot be completed.
import { constants, type ServerHttp2Stream } from 'node:http2';
import type { Duplex } from 'node:stream';
import { GatewayError } from '../../kernel/errors/gateway-error.ts';
import { requestFailed, type RequestFailed } from '../../kernel/events.ts';
import { noHeaders, isBodyless, type Flow, type RawHeaders } from '../../kernel/http/http.ts';
import { securityHeaders, type WholeResponse } from '../../kernel/http/whole-response.ts';
import { isStream } from '../../pipeline/is-stream.ts';
import type { Exchange } from '../../pipeline/stage.ts';
import { answerFields, fieldsObject, tunnelFields } from './response-fields.ts';
import { resetStream } from './reset.ts';
import { isTaken, joinTunnel, type Tunnelling } from './connect-stream.ts';
import type { ClientSink } from '../builtin/gateway-response.ts';
import { problemFor } from '../builtin/problem.ts';
import { clientTooSlow, type WriteRateHost, WriteRateWatch } from '../write-rate.ts';

/** What the sink needs from its request cycle. */
export interface Http2SinkHost extends WriteRateHost {
  /** A 100 (Continue) is about to be sent. */
  continued(): void;
  /** The whole response was written; the client still has to read it. */
  answered(): void;
}

/**
 * How long the client of a truncated response may take to read the last pieces before the reset
 * overtakes them.
 */
const cutGraceMs = 1_000;

/** As in `Sink`. `cutting`: reset once the last piece has been sent. */
type Phase = 'open' | 'answering' | 'cutting' | 'done';

export class Http2Sink implements ClientSink {
  readonly #stream: ServerHttp2Stream;
  readonly #exchange: Exchange;
  readonly #tunnelling: Tunnelling | undefined;
  readonly #host: Http2SinkHost;
  #phase: Phase = 'open';
  #flow: Flow | undefined = undefined;
  /** Rest of the Content-Length; -1: unknown. */
  #remainingBytes = -1;
  /** The response has no content, whatever the app sends. */
  #bodyless = false;
  /** Number of pieces that the session has not taken yet. */
  #unsent = 0;
  /** The whole response was written to the stream. */
  #complete = false;
  #cutByUs = false;
  #tunnelled = false;
  #trailers: RawHeaders = noHeaders;
  readonly #writeRate: WriteRateWatch;

  constructor(stream: ServerHttp2Stream, exchange: Exchange, tunnelling: Tunnelling | undefined, host: Http2SinkHost) {
    this.#stream = stream;
    this.#exchange = exchange;
    this.#tunnelling = tunnelling;
    this.#host = host;
    this.#writeRate = new WriteRateWatch(host, this.#tooSlow);
  }

  /** The response has begun. */
  get begun(): boolean {
    return this.#phase !== 'open';
  }

  /**
   * For a closed stream: whether the client reset it, or its connection ended, before the end of
   * the response was sent.
   */
  get abandoned(): boolean {
    return !this.#cutByUs && !this.#tunnelled && !this.#taken;
  }

  informational(status: number, headers: RawHeaders): void {
    if (this.#phase !== 'open' || this.#isGone || status === 101) return;
    if (status === 100) this.#host.continued();
    try {
      const fields = fieldsObject(headers);
      fields[':status'] = status;
      this.#stream.additionalHeaders(fields);
    } catch {
      // Invalid interim responses are dropped: the final response is still to come.
    }
  }

  head(status: number, headers: RawHeaders, flow: Flow): void {
    if (this.#phase !== 'open') return;
    // Any 2xx to a CONNECT means that the tunnel is established (RFC 9110 §9.3.6).
    if (this.#tunnelling !== undefined && status < 300) {
      flow.abort(new GatewayError('bad_upstream_response', 'The app did not switch to the protocol asked for.'));
      return;
    }
    this.#bodyless = isBodyless(this.#exchange.req.method, status) || status === 205;
    try {
      this.#respond(status, headers.concat(this.#exchange.answerHeaders));
    } catch (cause) {
      flow.abort(
        cause instanceof GatewayError
          ? cause
          : new GatewayError('bad_upstream_response', 'The head of the app’s answer is not valid HTTP.', { cause }),
      );
      return;
    }
    this.#phase = 'answering';
    this.#writeRate.exempt = this.#remainingBytes === -1 && isStream(this.#exchange.req.method, status, headers);
    this.#flow = flow;
    if (this.#bodyless && !this.#isGone) this.#completed();
  }

  data(chunk: Uint8Array): boolean {
    if (this.#phase !== 'answering' || this.#bodyless || this.#isGone) return true;
    if (chunk.length === this.#remainingBytes) {
      this.#end(chunk);
      return true;
    }
    if (this.#remainingBytes !== -1) {
      if (chunk.length > this.#remainingBytes) {
        this.#flow?.abort(new GatewayError('bad_upstream_response', 'The answer is longer than it said.'));
        return true;
      }
      this.#remainingBytes -= chunk.length;
    }
    this.#unsent += 1;
    const more = this.#stream.write(chunk, this.#sent);
    if (!more) {
      this.#stream.once('drain', this.#drained);
      this.#writeRate.waits(this.#stream.writableLength);
    }
    return more;
  }

  end(trailers: RawHeaders): void {
    if (this.#phase !== 'answering') return;
    if (this.#remainingBytes > 0 && !this.#bodyless) {
      this.fail(new GatewayError('bad_upstream_response', 'The answer is shorter than it said.'));
      return;
    }
    this.#trailers = trailers;
    this.#end();
  }

  upgrade(_status: number, headers: RawHeaders, peer: Duplex): void {
    if (this.#phase !== 'open' || this.#isGone) {
      peer.destroy();
    } else if (this.#tunnelling === undefined || !isTaken(this.#tunnelling, headers)) {
      peer.destroy();
      this.fail(new GatewayError('bad_upstream_response', 'The app switched to another protocol than asked for.'));
    } else {
      this.#phase = 'done';
      this.#tunnelled = true;
      this.#stream.respond(tunnelFields(headers.concat(this.#exchange.answerHeaders)));
      joinTunnel(this.#stream, peer);
    }
  }

  fail(error: GatewayError): void {
    const phase = this.#phase;
    if (phase === 'done' || phase === 'cutting') return;
    this.#exchange.passage.fault = error;
    if (requestFailed.hasSubscribers) {
      requestFailed.publish({ requestId: this.#exchange.id, error } satisfies RequestFailed);
    }
    if (phase === 'answering') this.#cut();
    else this.#write(problemFor(this.#exchange, error));
  }

  answer(whole: WholeResponse): void {
    if (this.#phase !== 'open') return;
    if (this.#tunnelling !== undefined && whole.status < 300) {
      this.fail(new GatewayError('invalid_request', 'There is nothing here that speaks this protocol.'));
    } else this.#write(whole);
  }

  /** The stream or its connection was closed. */
  closed(): void {
    this.#writeRate.end();
    if (!this.#taken) this.#exchange.cancellation.cancel();
  }

  /**
   * Whether END_STREAM was sent. `writableFinished` is set afterwards; if the stream ends with
   * END_STREAM, it is set after 'close' or not at all. But such a stream has no error code, whereas
   * a reset or a lost connection leaves one. (A reset with NO_ERROR also counts as an end here: by
   * then the client has cost the gateway no more than a normal request.)
   */
  get #taken(): boolean {
    return this.#complete && (this.#stream.writableFinished || this.#stream.rstCode === constants.NGHTTP2_NO_ERROR);
  }

  get #isGone(): boolean {
    return this.#stream.destroyed || this.#stream.closed;
  }

  #write({ status, headers, body }: WholeResponse): void {
    const { id, scheme, answerHeaders, req } = this.#exchange;
    const all = headers.concat(securityHeaders(scheme === 'https'), answerHeaders);
    // Responses to requests that never entered the pipeline lack the id.
    if (!answerHeaders.includes('X-Request-ID')) all.push('X-Request-ID', id);
    this.#bodyless = req.method === 'HEAD';
    this.#respond(status, all);
    this.#end(this.#bodyless ? undefined : body);
  }

  /** Throws if the head is invalid. */
  #respond(status: number, headers: RawHeaders): void {
    if (this.#isGone) return;
    const { fields, lengthBytes } = answerFields(status, headers, this.#bodyless);
    this.#remainingBytes = lengthBytes;
    // Costs a frame, and only a response without a known length can have trailers.
    const waitForTrailers = lengthBytes === -1 && !this.#bodyless;
    if (waitForTrailers) this.#stream.once('wantTrailers', this.#sendTrailers);
    this.#stream.respond(fields, { endStream: this.#bodyless, waitForTrailers });
  }

  #end(last?: Uint8Array): void {
    this.#phase = 'done';
    if (this.#isGone || this.#complete) return;
    if (last === undefined) this.#stream.end();
    else this.#stream.end(last);
    this.#writeRate.waits(this.#stream.writableLength);
    this.#completed();
  }

  #completed(): void {
    this.#complete = true;
    this.#host.answered();
  }

  /**
   * Sends the data received so far, unless the client does not read it, and makes the truncation
   * visible to the client.
   */
  #cut(): void {
    const stream = this.#stream;
    if (this.#complete) {
      // Without content, the head was the whole response.
      this.#phase = 'done';
      return;
    }
    this.#cutByUs = true;
    if (this.#unsent === 0 || stream.writableNeedDrain) {
      this.#reset();
      return;
    }
    this.#phase = 'cutting';
    const timer = setTimeout(this.#reset, cutGraceMs);
    timer.unref();
    stream.once('close', () => {
      clearTimeout(timer);
    });
  }

  readonly #reset = (): void => {
    this.#phase = 'done';
    resetStream(this.#stream, constants.NGHTTP2_INTERNAL_ERROR);
  };

  readonly #sent = (): void => {
    this.#unsent -= 1;
    if (this.#unsent === 0 && this.#phase === 'cutting') this.#reset();
  };

  readonly #drained = (): void => {
    this.#writeRate.drained();
    this.#flow?.resume();
  };

  readonly #tooSlow = (): void => {
    const error = clientTooSlow(this.#exchange);
    if (this.#phase === 'answering') this.#flow?.abort(error);
    // The response left the pipeline as complete, but the client never read the rest of it.
    else {
      this.#cutByUs = true;
      this.#reset();
    }
  };

  readonly #sendTrailers = (): void => {
    try {
      this.#stream.sendTrailers(fieldsObject(this.#trailers));
    } catch {
      // The body is complete without the trailers.
      if (!this.#isGone) this.#stream.sendTrailers({});
    }
  };
}
