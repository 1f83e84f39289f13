// Writes a response to an HTTP/1 client: Node's ServerResponse as a Sink. Frames the body, sends
// small responses in one write, and closes the connection of a response that cannot be completed.
import type { ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import process from 'node:process';
import type { RawHeaders } from '../../kernel/http/http.ts';
import type { Exchange } from '../../pipeline/stage.ts';
import { ResponseSink, responseLength } from '../response-sink.ts';
import type { WriteRateHost } from '../write-rate.ts';

/** What the sink needs from its request cycle. */
export interface Http1SinkHost extends WriteRateHost {
  /** Called when the response begins. Returns whether the connection is closed after it. */
  beginResponse(response: 'own' | 'of the app'): 'keep' | 'close';
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

export class Http1Sink extends ResponseSink {
  readonly #response: ServerResponse;
  readonly #host: Http1SinkHost;
  #flushed = false;
  /** The body ends with the connection, so a premature end must look different. */
  #closeDelimited = false;

  constructor(response: ServerResponse, exchange: Exchange, host: Http1SinkHost) {
    super(response, exchange, host);
    this.#response = response;
    this.#host = host;
  }

  informational(status: number, headers: RawHeaders): void {
    const response = this.#response;
    if (this.phase !== 'open' || this.exchange.httpVersion === '1.0') return;
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

  upgrade(status: number, headers: RawHeaders, peer: Duplex): void {
    this.phase = 'done';
    let head = `HTTP/1.1 ${status} Switching Protocols\r\n`;
    const all = headers.concat(this.exchange.responseHeaders);
    for (let i = 0; i < all.length; i += 2) head += `${all[i] ?? ''}: ${all[i + 1] ?? ''}\r\n`;
    this.#host.switched(this.#response, `${head}\r\n`, peer);
  }

  flush(): void {
    if (this.#flushed || this.phase !== 'responding') return;
    this.#flushed = true;
    this.#response.flushHeaders();
  }

  protected override writeHead(status: number, headers: string[], endsByClose: boolean): void {
    const response = this.#response;
    if (this.#host.beginResponse('of the app') === 'close' || endsByClose) response.shouldKeepAlive = false;
    this.#frame(status, headers, endsByClose);
    response.writeHead(status, headers);
  }

  protected override headWritten(): void {
    // The head is written together with the first piece of the body if that follows at once.
    process.nextTick(flushHead, this);
  }

  protected override writePiece(chunk: Uint8Array): boolean {
    this.#flushed = true;
    return this.#response.write(chunk);
  }

  protected override writeEnd(last: Uint8Array | undefined, trailers: RawHeaders): void {
    const response = this.#response;
    try {
      if (trailers.length > 0 && response.chunkedEncoding) response.addTrailers(pairs(trailers));
    } catch {
      // The body is complete without the trailers.
    }
    if (last === undefined) response.end();
    else if (this.#flushed || last.length > maxJoinedBytes) response.end(last);
    else response.end(latin1(last), 'latin1');
    this.awaitClient();
  }

  protected override writeWhole(status: number, headers: string[], body: Uint8Array): void {
    const response = this.#response;
    if (response.destroyed) return;
    if (this.#host.beginResponse('own') === 'close') response.shouldKeepAlive = false;
    response.writeHead(status, headers);
    response.end(body);
    this.awaitClient();
  }

  protected override cut(): void {
    // After the output of this tick: Node holds chunks back until the tick ends.
    process.nextTick(this.#cutNow);
  }

  protected override discard(): void {
    this.#response.socket?.destroy();
  }

  protected override get sent(): boolean {
    return this.#response.writableFinished;
  }

  /** Chooses one framing for the app's response, and removes fields that contradict it. */
  #frame(status: number, headers: string[], endsByClose: boolean): void {
    const response = this.#response;
    let trailer = -1;
    for (let i = 0; i < headers.length; i += 2) {
      const name = headers[i] ?? '';
      if (name.length === 14 && name.toLowerCase() === 'content-length') {
        this.remainingBytes = responseLength(headers[i + 1] ?? '', this.remainingBytes);
      } else if (name.length === 7 && name.toLowerCase() === 'trailer') trailer = i;
    }
    // Node would send chunks to an HTTP/1.0 client that sends TE: chunked.
    if (endsByClose || this.exchange.httpVersion === '1.0') response.useChunkedEncodingByDefault = false;
    const chunked = this.remainingBytes === -1 && response.useChunkedEncodingByDefault && !this.bodyless;
    this.#closeDelimited = this.remainingBytes === -1 && !chunked && !this.bodyless;
    // Node rejects a Trailer field if the framing allows no trailers.
    if (trailer !== -1 && !chunked) headers.splice(trailer, 2);
    // RFC 9110 §8.6: no Content-Length with 204. §15.3.6: with 205 it is 0.
    if (status !== 204 && status !== 205) return;
    removeLength(headers);
    if (status === 205) headers.push('Content-Length', '0');
  }

  /** Sends the data received so far, and makes the truncation visible to the client. */
  readonly #cutNow = (): void => {
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

function flushHead(sink: Http1Sink): void {
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
