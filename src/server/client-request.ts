// Owns what a request is to its readers: Node's own, except that its body is watched as it comes, and that neither leaving it early
// nor a fault in it costs the client the answer. Knows no stage.
import { IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';
import type { GatewayError } from '../kernel/errors.ts';
import { noHeaders, type RawHeaders, type RequestBody } from '../kernel/http.ts';
import type { BodyWatch } from './body-watch.ts';
import type { BodyLength } from './head-check.ts';

/**
 * An app may answer before it has read the whole upload, and whoever forwards it then destroys the body. Node takes that as leave to
 * cut the client's connection, answer and all. Here the rest is read and dropped instead, and the answer arrives.
 */
export class ClientRequest extends IncomingMessage {
  /** Undefined: there is no body. The one field that every request pays for. */
  watch: BodyWatch | undefined = undefined;

  override destroy(error?: Error): this {
    const { watch } = this;
    if (watch === undefined || this.readableEnded || this.socket.destroyed) return super.destroy(error);
    watch.left = true;
    this.removeAllListeners('data');
    return this.resume();
  }

  /** Whoever reads the body learns that it will never be whole. The connection stays, for the answer. */
  fail(error: GatewayError): void {
    if (this.watch !== undefined) this.watch.failed = true;
    super.destroy(error);
  }

  override push(chunk: Buffer | null): boolean {
    const { watch } = this;
    if (watch === undefined) return super.push(chunk);
    if (chunk === null) {
      watch.end();
      return super.push(chunk);
    }
    // True: what is dropped must go on coming, or the client would wait with it in its hands.
    if (!watch.piece(chunk.length)) return true;
    const more = super.push(chunk);
    if (more) watch.wanted();
    else watch.unwanted();
    return more;
  }

  override _read(size: number): void {
    super._read(size);
    this.watch?.wanted();
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    if (this.watch?.failed === true) callback(error);
    else super._destroy(error, callback);
  }
}

export const noBody: RequestBody = {
  lengthBytes: 'none',
  started: false,
  receivedBytes: 0,
  open(): Readable {
    throw new Error('a request without a body was opened');
  },
  trailers: () => noHeaders,
};

export function bodyOf(request: ClientRequest, length: BodyLength): RequestBody {
  return length === 'none' ? noBody : new ClientBody(request, length);
}

class ClientBody implements RequestBody {
  readonly lengthBytes: number | null;
  readonly #request: ClientRequest;
  #started = false;

  constructor(request: ClientRequest, lengthBytes: number | null) {
    this.#request = request;
    this.lengthBytes = lengthBytes;
  }

  get started(): boolean {
    return this.#started;
  }

  get receivedBytes(): number {
    return this.#request.watch?.receivedBytes ?? 0;
  }

  open(): Readable {
    if (this.#started) throw new Error('the body of a request was opened twice');
    this.#started = true;
    // Its reader may have left when it fails.
    this.#request.on('error', ignore);
    return this.#request;
  }

  trailers(): RawHeaders {
    return this.#request.rawTrailers;
  }
}

function ignore(): void {
  // who still reads listens too
}
