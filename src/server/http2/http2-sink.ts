// Writes a response to an HTTP/2 client: a stream as a Sink. Frames the body, and resets the stream
// of a response that cannot be completed.
import type { ServerHttp2Stream } from 'node:http2';
import type { Duplex } from 'node:stream';
import { GatewayError } from '../../kernel/errors/gateway-error.ts';
import { noHeaders, type Flow, type RawHeaders } from '../../kernel/http/http.ts';
import type { WholeResponse } from '../../kernel/http/whole-response.ts';
import type { Exchange } from '../../pipeline/stage.ts';
import { responseFields, fieldsObject, tunnelFields } from './response-fields.ts';
import { resetStream } from './reset.ts';
import { isTaken, joinTunnel, type Tunnelling } from './connect-stream.ts';
import { ResponseSink } from '../response-sink.ts';
import type { WriteRateHost } from '../write-rate.ts';
import { http2Errors } from './http2-errors.ts';

/** What the sink needs from its request cycle. */
export interface Http2SinkHost extends WriteRateHost {
  /** A 100 (Continue) is about to be sent. */
  continued(): void;
  /** The whole response was written; the client still has to read it. */
  responded(): void;
}

/**
 * How long the client of a truncated response may take to read the last pieces before the reset
 * overtakes them.
 */
const cutGraceMs = 1_000;

export class Http2Sink extends ResponseSink {
  readonly #stream: ServerHttp2Stream;
  readonly #tunnelling: Tunnelling | undefined;
  readonly #host: Http2SinkHost;
  /** Number of pieces that the session has not taken yet. */
  #unsent = 0;
  /** The whole response was written to the stream. */
  #complete = false;
  /** Reset once the last piece has been sent. */
  #cutting = false;
  #cutByUs = false;
  #tunnelled = false;
  #trailers: RawHeaders = noHeaders;

  constructor(stream: ServerHttp2Stream, exchange: Exchange, tunnelling: Tunnelling | undefined, host: Http2SinkHost) {
    super(stream, exchange, host);
    this.#stream = stream;
    this.#tunnelling = tunnelling;
    this.#host = host;
  }

  /** The response has begun. */
  get begun(): boolean {
    return this.phase !== 'open';
  }

  /**
   * For a closed stream: whether the client reset it, or its connection ended, before the end of
   * the response was sent.
   */
  get abandoned(): boolean {
    return !this.#cutByUs && !this.#tunnelled && !this.sent;
  }

  informational(status: number, headers: RawHeaders): void {
    if (this.phase !== 'open' || this.#isGone || status === 101) return;
    if (status === 100) this.#host.continued();
    try {
      const fields = fieldsObject(headers);
      fields[':status'] = status;
      this.#stream.additionalHeaders(fields);
    } catch {
      // Invalid interim responses are dropped: the final response is still to come.
    }
  }

  override head(status: number, headers: RawHeaders, flow: Flow): void {
    // Any 2xx to a CONNECT means that the tunnel is established (RFC 9110 §9.3.6).
    if (this.phase === 'open' && this.#tunnelling !== undefined && status < 300) {
      flow.abort(new GatewayError('bad_upstream_response', 'The app did not switch to the requested protocol.'));
    } else super.head(status, headers, flow);
  }

  override data(chunk: Uint8Array): boolean {
    return this.#isGone || super.data(chunk);
  }

  upgrade(_status: number, headers: RawHeaders, peer: Duplex): void {
    if (this.phase !== 'open' || this.#isGone) {
      peer.destroy();
    } else if (this.#tunnelling === undefined || !isTaken(this.#tunnelling, headers)) {
      peer.destroy();
      this.fail(
        new GatewayError('bad_upstream_response', 'The app switched to another protocol than the requested one.'),
      );
    } else {
      this.phase = 'done';
      this.#tunnelled = true;
      this.#stream.respond(tunnelFields(headers.concat(this.exchange.responseHeaders)));
      joinTunnel(this.#stream, peer);
    }
  }

  override respond(whole: WholeResponse): void {
    if (this.phase === 'open' && this.#tunnelling !== undefined && whole.status < 300) {
      this.fail(new GatewayError('invalid_request', 'Nothing here supports this protocol.'));
    } else super.respond(whole);
  }

  protected override writeHead(status: number, headers: RawHeaders): void {
    if (this.#isGone) return;
    const { fields, lengthBytes } = responseFields(status, headers, this.bodyless);
    this.remainingBytes = lengthBytes;
    // Costs a frame, and only a response without a known length can have trailers.
    const waitForTrailers = lengthBytes === -1 && !this.bodyless;
    if (waitForTrailers) this.#stream.once('wantTrailers', this.#sendTrailers);
    // An empty response ends with its head: gRPC clients read the status in such a head only.
    if (lengthBytes === 0) this.bodyless = true;
    this.#stream.respond(fields, { endStream: this.bodyless, waitForTrailers });
  }

  protected override headWritten(): void {
    if (this.bodyless && !this.#isGone) this.#completed();
  }

  protected override writePiece(chunk: Uint8Array): boolean {
    this.#unsent += 1;
    return this.#stream.write(chunk, this.#pieceSent);
  }

  protected override writeEnd(last: Uint8Array | undefined, trailers: RawHeaders): void {
    this.#trailers = trailers;
    if (this.#isGone || this.#complete) return;
    if (last === undefined) this.#stream.end();
    else this.#stream.end(last);
    this.awaitClient();
    this.#completed();
  }

  protected override writeWhole(status: number, headers: RawHeaders, body: Uint8Array): void {
    this.bodyless = this.exchange.req.method === 'HEAD' || body.length === 0;
    this.writeHead(status, headers);
    this.writeEnd(this.bodyless ? undefined : body, noHeaders);
  }

  /**
   * Sends the data received so far, unless the client does not read it, and makes the truncation
   * visible to the client.
   */
  protected override cut(): void {
    const stream = this.#stream;
    // Without content, the head was the whole response.
    if (this.#complete) return;
    this.#cutByUs = true;
    if (this.#unsent === 0 || stream.writableNeedDrain) {
      this.#reset();
      return;
    }
    this.#cutting = true;
    const timer = setTimeout(this.#reset, cutGraceMs);
    timer.unref();
    stream.once('close', () => {
      clearTimeout(timer);
    });
  }

  protected override discard(): void {
    this.#cutByUs = true;
    this.#reset();
  }

  /**
   * Whether END_STREAM was sent. `writableFinished` is set afterwards; if the stream ends with
   * END_STREAM, it is set after 'close' or not at all. But such a stream has no error code, whereas
   * a reset or a lost connection leaves one. (A reset with NO_ERROR also counts as an end here: by
   * then the client has cost the gateway no more than a normal request.)
   */
  protected override get sent(): boolean {
    return this.#complete && (this.#stream.writableFinished || this.#stream.rstCode === http2Errors.noError);
  }

  get #isGone(): boolean {
    return this.#stream.destroyed || this.#stream.closed;
  }

  #completed(): void {
    this.#complete = true;
    this.#host.responded();
  }

  readonly #reset = (): void => {
    this.#cutting = false;
    resetStream(this.#stream, http2Errors.internalError);
  };

  readonly #pieceSent = (): void => {
    this.#unsent -= 1;
    if (this.#unsent === 0 && this.#cutting) this.#reset();
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
