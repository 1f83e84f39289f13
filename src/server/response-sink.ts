// What the response sinks of both HTTP versions share: the order of the calls, the length of the
// body, back-pressure, and the error response or the cut of a failed response. How a head, a piece
// and the end of a body are written is left to http1/ and http2/.
import type { Duplex, Writable } from 'node:stream';
import { GatewayError } from '../kernel/errors/gateway-error.ts';
import { requestFailed, type RequestFailed } from '../kernel/events.ts';
import { type Flow, isBodyless, noHeaders, type RawHeaders, type Sink } from '../kernel/http/http.ts';
import { securityHeaders, type WholeResponse } from '../kernel/http/whole-response.ts';
import { isStream } from '../pipeline/is-stream.ts';
import type { Exchange } from '../pipeline/stage.ts';
import { problemFor } from './builtin/problem.ts';
import { clientTooSlow, type WriteRateHost, WriteRateWatch } from './write-rate.ts';

type Phase = 'open' | 'responding' | 'done';

export abstract class ResponseSink implements Sink {
  protected readonly exchange: Exchange;
  protected phase: Phase = 'open';
  /** Rest of the Content-Length; -1: unknown. */
  protected remainingBytes = -1;
  /** The response has no content, whatever the app sends. */
  protected bodyless = false;
  readonly #output: Writable;
  readonly #writeRate: WriteRateWatch;
  #flow: Flow | undefined = undefined;

  /** `output`: receives what writePiece() and writeEnd() write. */
  constructor(output: Writable, exchange: Exchange, host: WriteRateHost) {
    this.#output = output;
    this.exchange = exchange;
    this.#writeRate = new WriteRateWatch(host, this.#tooSlow);
  }

  abstract informational(status: number, headers: RawHeaders): void;
  abstract upgrade(status: number, headers: RawHeaders, peer: Duplex): void;

  /**
   * Writes the head of an app's response, and chooses the framing of its body. Sets
   * `remainingBytes`. Throws if the head is invalid.
   */
  protected abstract writeHead(status: number, headers: string[], endsByClose: boolean): void;
  /** The head was valid; the response has begun. */
  protected abstract headWritten(): void;
  /** Writes a piece of the body. Returns false to get no more until `output` has drained. */
  protected abstract writePiece(chunk: Uint8Array): boolean;
  /** Ends the body, with its last piece or with trailers. */
  protected abstract writeEnd(last: Uint8Array | undefined, trailers: RawHeaders): void;
  /** Writes a complete response of the gateway itself. */
  protected abstract writeWhole(status: number, headers: string[], body: Uint8Array): void;
  /** The response cannot be completed: makes the truncation visible to the client. */
  protected abstract cut(): void;
  /** The response was written as complete, but the client does not read it: disconnects it. */
  protected abstract discard(): void;
  /** For a closed output: the whole response was sent. */
  protected abstract get sent(): boolean;

  head(status: number, headers: RawHeaders, flow: Flow): void {
    if (this.phase !== 'open') return;
    const { method } = this.exchange.req;
    this.bodyless = isBodyless(method, status) || status === 205;
    this.remainingBytes = -1;
    try {
      this.writeHead(status, headers.concat(this.exchange.responseHeaders), flow.endsByClose);
    } catch (cause) {
      flow.abort(
        cause instanceof GatewayError
          ? cause
          : new GatewayError('bad_upstream_response', 'The head of the app’s response is not valid HTTP.', { cause }),
      );
      return;
    }
    this.phase = 'responding';
    this.#writeRate.exempt = this.remainingBytes === -1 && isStream(method, status, headers);
    this.#flow = flow;
    this.headWritten();
  }

  data(chunk: Uint8Array): boolean {
    if (this.phase !== 'responding' || this.bodyless) return true;
    if (chunk.length === this.remainingBytes) {
      // The last piece: one write completes the response.
      this.phase = 'done';
      this.writeEnd(chunk, noHeaders);
      return true;
    }
    if (this.remainingBytes !== -1) {
      if (chunk.length > this.remainingBytes) {
        // An HTTP/1 client would read the excess as the next response.
        this.#flow?.abort(badResponse('The response is longer than its Content-Length.'));
        return true;
      }
      this.remainingBytes -= chunk.length;
    }
    const more = this.writePiece(chunk);
    if (!more) {
      this.#output.once('drain', this.#drained);
      this.awaitClient();
    }
    return more;
  }

  end(trailers: RawHeaders): void {
    if (this.phase !== 'responding') return;
    if (this.remainingBytes > 0 && !this.bodyless) {
      this.fail(badResponse('The response is shorter than its Content-Length.'));
      return;
    }
    this.phase = 'done';
    this.writeEnd(undefined, trailers);
  }

  fail(error: GatewayError): void {
    const { phase } = this;
    if (phase === 'done') return;
    this.phase = 'done';
    this.exchange.outcome.fault = error;
    if (requestFailed.hasSubscribers) {
      requestFailed.publish({ requestId: this.exchange.id, error } satisfies RequestFailed);
    }
    if (phase === 'responding') this.cut();
    else this.#writeResponse(problemFor(this.exchange, error));
  }

  respond(whole: WholeResponse): void {
    if (this.phase !== 'open') return;
    this.phase = 'done';
    this.#writeResponse(whole);
  }

  /** The client's connection or stream is closed, or its response is complete. */
  closed(): void {
    this.#writeRate.end();
    if (!this.sent) this.exchange.cancellation.cancel();
  }

  /** Measures how fast the client reads the data that is waiting for it, if any. */
  protected awaitClient(): void {
    this.#writeRate.waits(this.#output.writableLength);
  }

  #writeResponse({ status, headers, body }: WholeResponse): void {
    const { id, scheme, responseHeaders } = this.exchange;
    const all = headers.concat(securityHeaders(scheme === 'https'), responseHeaders);
    // Responses to requests that never entered the pipeline lack the id.
    if (!responseHeaders.includes('X-Request-ID')) all.push('X-Request-ID', id);
    this.writeWhole(status, all, body);
  }

  readonly #drained = (): void => {
    this.#writeRate.drained();
    this.#flow?.resume();
  };

  readonly #tooSlow = (): void => {
    const error = clientTooSlow(this.exchange);
    if (this.phase === 'responding') this.#flow?.abort(error);
    // The response left the pipeline as complete, but the client never read the rest of it.
    else this.discard();
  };
}

/**
 * The value of Content-Length in a response. `before`: that of an earlier field, -1 if there was
 * none. Throws GatewayError bad_upstream_response.
 */
export function responseLength(value: string, before: number): number {
  const length = Number(value);
  if (before === -1 && Number.isSafeInteger(length) && length >= 0) return length;
  throw badResponse('The length of the app’s response is ambiguous.');
}

function badResponse(detail: string): GatewayError {
  return new GatewayError('bad_upstream_response', detail);
}
