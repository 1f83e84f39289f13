// Owns the way of an answer to the client: Node's response as a Sink. Makes framing, keeps small answers in one write, and cuts
// what can't be completed. Knows no stage and no upstream.
import type { ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import process from 'node:process';
import { GatewayError } from '../kernel/errors.ts';
import { requestFailed, type RequestFailed } from '../kernel/events.ts';
import { type Flow, type RawHeaders, type Sink } from '../kernel/http.ts';
import type { Exchange } from '../pipeline/stage.ts';
import { problemOf } from './problem.ts';

/** What the sink asks of the server that it answers for. */
export interface SinkHost {
  /** True: connections end with their answer. */
  readonly draining: boolean;
  /** The client's connection leaves HTTP. */
  switched(response: ServerResponse, head: string, peer: Duplex): void;
}

/** A small body is joined to its head as a string: one plain write, 5 % of a small request cheaper than a gathered one. */
const maxJoinedBytes = 4 * 1024;

type Phase = 'open' | 'answering' | 'done';

export class ResponseSink implements Sink {
  readonly #response: ServerResponse;
  readonly #exchange: Exchange;
  readonly #host: SinkHost;
  #phase: Phase = 'open';
  #flow: Flow | undefined = undefined;
  /** Of a Content-Length; -1: not known. */
  #remainingBytes = -1;
  #flushed = false;

  constructor(response: ServerResponse, exchange: Exchange, host: SinkHost) {
    this.#response = response;
    this.#exchange = exchange;
    this.#host = host;
  }

  informational(status: number, headers: RawHeaders): void {
    const response = this.#response;
    if (this.#phase !== 'open' || response.req.httpVersionMinor === 0) return;
    if (status === 100) response.writeContinue();
    // Node 24 can't write any other; a proxy's client lives without.
    else if ('writeInformation' in response) response.writeInformation(status, headers as string[]);
  }

  head(status: number, headers: RawHeaders, flow: Flow): void {
    const response = this.#response;
    this.#phase = 'answering';
    this.#flow = flow;
    const all = headers.concat(this.#exchange.answerHeaders);
    if (flow.endsByClose || this.#host.draining) response.shouldKeepAlive = false;
    if (flow.endsByClose) response.useChunkedEncodingByDefault = false;
    this.#frame(all);
    try {
      response.writeHead(status, all);
    } catch (cause) {
      this.#flow = undefined;
      this.#phase = 'open';
      flow.abort(
        new GatewayError('bad_upstream_response', 'The head of the app’s answer is not valid HTTP.', { cause }),
      );
      return;
    }
    // With the first piece of the body where that comes at once, by itself where it does not.
    process.nextTick(flushHead, this);
  }

  data(chunk: Uint8Array): boolean {
    if (this.#phase !== 'answering') return true;
    if (chunk.length === this.#remainingBytes) {
      // The last piece: one write ends the answer.
      this.#phase = 'done';
      if (this.#flushed || chunk.length > maxJoinedBytes) this.#response.end(chunk);
      else this.#response.end(latin1(chunk), 'latin1');
      return true;
    }
    if (this.#remainingBytes !== -1) this.#remainingBytes -= chunk.length;
    this.#flushed = true;
    const more = this.#response.write(chunk);
    if (!more) this.#response.once('drain', this.#drained);
    return more;
  }

  end(trailers: RawHeaders): void {
    if (this.#phase !== 'answering') return;
    this.#phase = 'done';
    if (trailers.length > 0 && this.#response.chunkedEncoding) this.#response.addTrailers(pairs(trailers));
    this.#response.end();
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
    if (requestFailed.hasSubscribers) {
      requestFailed.publish({ requestId: this.#exchange.id, error } satisfies RequestFailed);
    }
    if (phase === 'answering') this.#cut();
    else this.answer(problemOf(error, this.#exchange.id));
  }

  /** A whole answer of the gateway's own. */
  answer({ status, headers, body }: { status: number; headers: readonly string[]; body: Uint8Array }): void {
    const response = this.#response;
    this.#phase = 'done';
    if (response.destroyed) return;
    if (this.#host.draining) response.shouldKeepAlive = false;
    response.writeHead(status, headers.concat(this.#exchange.answerHeaders));
    response.end(body);
  }

  flush(): void {
    if (this.#flushed || this.#phase !== 'answering') return;
    this.#flushed = true;
    this.#response.flushHeaders();
  }

  /** The client's connection is gone, or its answer is complete. */
  closed(): void {
    if (this.#response.writableFinished) return;
    this.#exchange.cancellation.cancel();
  }

  readonly #drained = (): void => {
    this.#flow?.resume();
  };

  /** Finds the length; takes out what Node would refuse: an announcement of trailers that have no place. */
  #frame(headers: string[]): void {
    let trailer = -1;
    for (let i = 0; i < headers.length; i += 2) {
      const name = headers[i] ?? '';
      if (name.length === 14 && name.toLowerCase() === 'content-length') this.#remainingBytes = Number(headers[i + 1]);
      else if (name.length === 7 && name.toLowerCase() === 'trailer') trailer = i;
    }
    if (trailer === -1) return;
    const chunked = this.#remainingBytes === -1 && this.#response.useChunkedEncodingByDefault;
    if (!chunked || this.#exchange.req.method === 'HEAD') headers.splice(trailer, 2);
  }

  /** What was received is still sent; that it is not all must be seen. */
  #cut(): void {
    const { socket } = this.#response;
    if (socket === null || socket.destroyed) return;
    // The end of the connection would look like the end of the body: a reset does not.
    if (this.#flow?.endsByClose === true) socket.resetAndDestroy();
    else if (socket.writableNeedDrain) socket.destroy();
    else socket.destroySoon();
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
