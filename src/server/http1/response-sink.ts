// Writes a response to an HTTP/1 client: Node's ServerResponse as a Sink. Frames the body, sends
// small responses in one write, and closes the connection of a response that cannot be completed.
import type { ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import process from 'node:process';
import { GatewayError } from '../../kernel/errors/gateway-error.ts';
import { requestFailed, type RequestFailed } from '../../kernel/events.ts';
import { type Flow, isBodyless, type RawHeaders } from '../../kernel/http/http.ts';
import { securityHeaders, type WholeResponse } from '../../kernel/http/whole-response.ts';
import { isStream } from '../../pipeline/is-stream.ts';
import type { Exchange } from '../../pipeline/stage.ts';
import type { ClientSink } from '../builtin/gateway-response.ts';
import { problemFor } from '../builtin/problem.ts';
import { clientTooSlow, type WriteRateHost, WriteRateWatch } from '../write-rate.ts';

/** What the sink needs from its request cycle. */
export interface SinkHost extends WriteRateHost {
  /** Called when the response begins. Returns true if the connection ends with it. */
  endsWith(answer: 'own' | 'of the app'): boolean;
  /** A 100 (Continue) is about to be sent. */
  continued(): void;
  /** The client's connection leaves HTTP. */
  switched(response: ServerResponse, head: string, peer: Duplex): void;
}

/**
 * A small body is joined to its head as a string: one plain write costs 5 % less of a small request
 * than a gathered one.
 */
const maxJoinedBytes = 4 * 1024;

type Phase = 'open' | 'answering' | 'done';

export class ResponseSink implements ClientSink {
  readonly #response: ServerResponse;
  readonly #exchange: Exchange;
  readonly #host: SinkHost;
  #phase: Phase = 'open';
  #flow: Flow | undefined = undefined;
  /** Rest of the Content-Length; -1: unknown. */
  #remainingBytes = -1;
  #flushed = false;
  /** The response has no content, whatever the app sends. */
  #bodyless = false;
  /** The body ends with the connection, so a premature end must look different. */
  #closeDelimited = false;
  readonly #writeRate: WriteRateWatch;

  constructor(response: ServerResponse, exchange: Exchange, host: SinkHost) {
    this.#response = response;
    this.#exchange = exchange;
    this.#host = host;
    this.#writeRate = new WriteRateWatch(host, this.#tooSlow);
  }

  informational(status: number, headers: RawHeaders): void {
    const response = this.#response;
    if (this.#phase !== 'open' || this.#exchange.httpVersion === '1.0') return;
    try {
      if (status === 100) {
        this.#host.continued();
        response.writeContinue();
        // Node 24 cannot write any other; clients work without them.
      } else if ('writeInformation' in response) response.writeInformation(status, headers as string[]);
    } catch {
      // Invalid interim responses are dropped: the final response is still to come.
    }
  }

  head(status: number, headers: RawHeaders, flow: Flow): void {
    if (this.#phase !== 'open') return;
    const response = this.#response;
    const all = headers.concat(this.#exchange.answerHeaders);
    if (this.#host.endsWith('of the app') || flow.endsByClose) response.shouldKeepAlive = false;
    this.#bodyless = isBodyless(this.#exchange.req.method, status) || status === 205;
    try {
      this.#frame(status, all, flow.endsByClose);
      response.writeHead(status, all);
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
    // The head is written together with the first piece of the body if that follows at once.
    process.nextTick(flushHead, this);
  }

  data(chunk: Uint8Array): boolean {
    if (this.#phase !== 'answering' || this.#bodyless) return true;
    if (chunk.length === this.#remainingBytes) {
      // The last piece: one write completes the response.
      this.#phase = 'done';
      if (this.#flushed || chunk.length > maxJoinedBytes) this.#response.end(chunk);
      else this.#response.end(latin1(chunk), 'latin1');
      this.#writeRate.waits(this.#response.writableLength);
      return true;
    }
    if (this.#remainingBytes !== -1) {
      if (chunk.length > this.#remainingBytes) {
        // The client would read the excess as the next response.
        this.#flow?.abort(new GatewayError('bad_upstream_response', 'The answer is longer than it said.'));
        return true;
      }
      this.#remainingBytes -= chunk.length;
    }
    this.#flushed = true;
    const more = this.#response.write(chunk);
    if (!more) {
      this.#response.once('drain', this.#drained);
      this.#writeRate.waits(this.#response.writableLength);
    }
    return more;
  }

  end(trailers: RawHeaders): void {
    if (this.#phase !== 'answering') return;
    if (this.#remainingBytes > 0 && !this.#bodyless) {
      this.fail(new GatewayError('bad_upstream_response', 'The answer is shorter than it said.'));
      return;
    }
    this.#phase = 'done';
    try {
      if (trailers.length > 0 && this.#response.chunkedEncoding) this.#response.addTrailers(pairs(trailers));
    } catch {
      // The body is complete without the trailers.
    }
    this.#response.end();
    this.#writeRate.waits(this.#response.writableLength);
  }

  upgrade(status: number, headers: RawHeaders, peer: Duplex): void {
    this.#phase = 'done';
    let head = `HTTP/1.1 ${status} Switching Protocols\r\n`;
    const all = headers.concat(this.#exchange.answerHeaders);
    for (let i = 0; i < all.length; i += 2) head += `${all[i] ?? ''}: ${all[i + 1] ?? ''}\r\n`;
    this.#host.switched(this.#response, `${head}\r\n`, peer);
  }

  fail(error: GatewayError): void {
    const phase = this.#phase;
    if (phase === 'done') return;
    this.#phase = 'done';
    this.#exchange.passage.fault = error;
    if (requestFailed.hasSubscribers) {
      requestFailed.publish({ requestId: this.#exchange.id, error } satisfies RequestFailed);
    }
    // After the output of this tick: Node holds chunks back until the tick ends.
    if (phase === 'answering') process.nextTick(this.#cut);
    else this.#write(problemFor(this.#exchange, error));
  }

  answer(whole: WholeResponse): void {
    if (this.#phase !== 'open') return;
    this.#phase = 'done';
    this.#write(whole);
  }

  #write({ status, headers, body }: WholeResponse): void {
    const response = this.#response;
    if (response.destroyed) return;
    if (this.#host.endsWith('own')) response.shouldKeepAlive = false;
    const { id, scheme, answerHeaders } = this.#exchange;
    const all = headers.concat(securityHeaders(scheme === 'https'), answerHeaders);
    // Responses to requests that never entered the pipeline lack the id.
    if (!answerHeaders.includes('X-Request-ID')) all.push('X-Request-ID', id);
    response.writeHead(status, all);
    response.end(body);
    this.#writeRate.waits(this.#response.writableLength);
  }

  flush(): void {
    if (this.#flushed || this.#phase !== 'answering') return;
    this.#flushed = true;
    this.#response.flushHeaders();
  }

  /** The client's connection is closed, or its response is complete. */
  closed(): void {
    this.#writeRate.end();
    if (this.#response.writableFinished) return;
    this.#exchange.cancellation.cancel();
  }

  readonly #drained = (): void => {
    this.#writeRate.drained();
    this.#flow?.resume();
  };

  readonly #tooSlow = (): void => {
    const error = clientTooSlow(this.#exchange);
    if (this.#phase === 'answering') this.#flow?.abort(error);
    // The response left the pipeline as complete, but the client never read the rest of it.
    else this.#response.socket?.destroy();
  };

  /** Chooses one framing for the app's response, and removes fields that contradict it. */
  #frame(status: number, headers: string[], endsByClose: boolean): void {
    const response = this.#response;
    let trailer = -1;
    for (let i = 0; i < headers.length; i += 2) {
      const name = headers[i] ?? '';
      if (name.length === 14 && name.toLowerCase() === 'content-length') this.#setLength(headers[i + 1] ?? '');
      else if (name.length === 7 && name.toLowerCase() === 'trailer') trailer = i;
    }
    // Node would send chunks to an HTTP/1.0 client that sends TE: chunked.
    if (endsByClose || this.#exchange.httpVersion === '1.0') response.useChunkedEncodingByDefault = false;
    const chunked = this.#remainingBytes === -1 && response.useChunkedEncodingByDefault && !this.#bodyless;
    this.#closeDelimited = this.#remainingBytes === -1 && !chunked && !this.#bodyless;
    // Node rejects a Trailer field if the framing allows no trailers.
    if (trailer !== -1 && !chunked) headers.splice(trailer, 2);
    // RFC 9110 §8.6: no Content-Length with 204. §15.3.6: with 205 it is 0.
    if (status !== 204 && status !== 205) return;
    removeLength(headers);
    if (status === 205) headers.push('Content-Length', '0');
  }

  #setLength(value: string): void {
    const length = Number(value);
    if (this.#remainingBytes !== -1 || !Number.isSafeInteger(length) || length < 0) {
      this.#remainingBytes = -1;
      throw new GatewayError('bad_upstream_response', 'The length of the app’s answer is ambiguous.');
    }
    this.#remainingBytes = length;
  }

  /** Sends the data received so far, and makes the truncation visible to the client. */
  readonly #cut = (): void => {
    const { socket } = this.#response;
    if (socket === null || socket.destroyed) return;
    // A normal close would look like the end of the body; a reset does not. TLS itself shows
    // whether an end is intended.
    if (this.#closeDelimited) {
      if ('encrypted' in socket) socket.destroy();
      else socket.resetAndDestroy();
    } else if (socket.writableNeedDrain) socket.destroy();
    else {
      // The head may still wait for the first piece of the body.
      if (!this.#flushed) this.#response.flushHeaders();
      socket.destroySoon();
    }
  };
}

function removeLength(headers: string[]): void {
  for (let i = headers.length - 2; i >= 0; i -= 2) {
    if (headers[i]?.toLowerCase() === 'content-length') headers.splice(i, 2);
  }
}

function flushHead(sink: ResponseSink): void {
  sink.flush();
}

function latin1(chunk: Uint8Array): string {
  return Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length).toString('latin1');
}

function pairs(raw: RawHeaders): [string, string][] {
  const list: [string, string][] = [];
  for (let i = 0; i < raw.length; i += 2) list.push([raw[i] ?? '', raw[i + 1] ?? '']);
  return list;
}
