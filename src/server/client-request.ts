// Owns what a request is to its readers: Node's own, except that leaving its body early costs the client nothing. Knows no stage.
import { IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';
import { noHeaders, type RawHeaders, type RequestBody } from '../kernel/http.ts';

/**
 * An app may answer before it has read the whole upload, and whoever forwards it then destroys the body. Node takes that as leave to
 * cut the client's connection, answer and all. Here the rest is read and dropped instead, and the answer arrives.
 */
export class ClientRequest extends IncomingMessage {
  /** Of the body, without its framing. */
  receivedBytes = 0;

  override push(chunk: Buffer | null): boolean {
    if (chunk !== null) this.receivedBytes += chunk.length;
    return super.push(chunk);
  }

  override destroy(error?: Error): this {
    if (this.readableEnded || this.socket.destroyed) return super.destroy(error);
    this.removeAllListeners('data');
    return this.resume();
  }
}

const noBody: RequestBody = {
  lengthBytes: 'none',
  started: false,
  receivedBytes: 0,
  open(): Readable {
    throw new Error('a request without a body was opened');
  },
  trailers: () => noHeaders,
};

/** Without framing there is no body (RFC 9112 §6.3). */
export function bodyOf(request: IncomingMessage): RequestBody {
  const { headers } = request;
  if (headers['transfer-encoding'] !== undefined) return new ClientBody(request, null);
  const length = headers['content-length'];
  return length === undefined ? noBody : new ClientBody(request, Number(length));
}

class ClientBody implements RequestBody {
  readonly lengthBytes: number | null;
  readonly #request: IncomingMessage;
  #started = false;

  constructor(request: IncomingMessage, lengthBytes: number | null) {
    this.#request = request;
    this.lengthBytes = lengthBytes;
  }

  get started(): boolean {
    return this.#started;
  }

  get receivedBytes(): number {
    return this.#request instanceof ClientRequest ? this.#request.receivedBytes : 0;
  }

  open(): Readable {
    if (this.#started) throw new Error('the body of a request was opened twice');
    this.#started = true;
    return this.#request;
  }

  trailers(): RawHeaders {
    return this.#request.rawTrailers;
  }
}
