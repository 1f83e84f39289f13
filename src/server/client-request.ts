// Node's IncomingMessage with a watched body. If a reader abandons the body, or the body is
// invalid, the client still gets its response.
import type { Readable } from 'node:stream';
import type { GatewayError } from '../kernel/errors/gateway-error.ts';
import { noHeaders, type RawHeaders, type RequestBody } from '../kernel/http/http.ts';
import { ignore } from '../kernel/ignore.ts';
import type { BodyWatch } from './body-watch.ts';
import type { BodyLength } from './head-check.ts';
import { IncomingMessage } from '../kernel/net/node-http.ts';

/**
 * Smaller pieces of a body that arrive in one turn of the event loop are joined, because each costs
 * as much to pass on as a large one.
 */
const smallBytes = 256;
const maxGatheredBytes = 16 * 1024;
/** After this many, nothing more is read in this turn: Node reads a busy socket up to 32 times. */
const maxSmallPieces = 1_000;

/**
 * An app may respond before it has read the whole upload, and the forwarder then destroys the body.
 * Node would close the client's connection and lose the response. This class reads and drops the
 * rest instead, so that the response arrives.
 */
export class ClientRequest extends IncomingMessage {
  /** Undefined: there is no body. */
  watch: BodyWatch | undefined = undefined;
  /** Number of small pieces in this turn of the event loop. */
  #smallPieces = 0;
  #gathered: Buffer | undefined = undefined;
  #gatheredBytes = 0;
  /** wanted: a reader asked for more while reading is suspended. */
  #rest: 'none' | 'resting' | 'wanted' = 'none';

  override destroy(error?: Error): this {
    const { watch } = this;
    if (watch === undefined || this.readableEnded || this.socket.destroyed) return super.destroy(error);
    watch.left = true;
    this.removeAllListeners('data');
    return this.resume();
  }

  /** Fails the body: its reader gets the error. The connection stays open for the response. */
  fail(error: GatewayError): void {
    if (this.watch !== undefined) this.watch.failed = true;
    super.destroy(error);
  }

  override push(chunk: Buffer | null): boolean {
    const { watch } = this;
    if (watch === undefined) return super.push(chunk);
    if (chunk === null) {
      this.#passGathered();
      watch.end();
      return super.push(chunk);
    }
    const isSmall = chunk.length < smallBytes;
    if (isSmall) this.#countSmall();
    if (!watch.piece(chunk.length)) {
      // Dropped pieces must be read as well, or the client would wait for us.
      if (this.#rest === 'resting') this.#rest = 'wanted';
      return this.#rest === 'none';
    }
    // The first small piece is passed on at once.
    const more = isSmall && this.#smallPieces > 1 ? this.#gather(chunk) : this.#passAll(chunk, watch);
    return more && this.#rest === 'none';
  }

  override _read(size: number): void {
    if (this.#rest === 'none') {
      super._read(size);
      this.watch?.wanted();
    } else this.#rest = 'wanted';
  }

  #countSmall(): void {
    this.#smallPieces += 1;
    if (this.#smallPieces === 1) setImmediate(this.#turnOver);
    else if (this.#smallPieces > maxSmallPieces && this.#rest === 'none') this.#rest = 'resting';
  }

  readonly #turnOver = (): void => {
    const wanted = this.#rest === 'wanted';
    this.#smallPieces = 0;
    this.#rest = 'none';
    if (this.#passGathered() && wanted) this._read(0);
  };

  #gather(piece: Buffer): boolean {
    const more = this.#gatheredBytes + piece.length <= maxGatheredBytes || this.#passGathered();
    this.#gathered ??= Buffer.allocUnsafe(maxGatheredBytes);
    this.#gathered.set(piece, this.#gatheredBytes);
    this.#gatheredBytes += piece.length;
    return more;
  }

  /** Returns false if the reader does not keep up. */
  #passGathered(): boolean {
    const { watch } = this;
    const gathered = this.#gathered?.subarray(0, this.#gatheredBytes);
    this.#gathered = undefined;
    this.#gatheredBytes = 0;
    return gathered === undefined || watch === undefined || this.#pass(gathered, watch);
  }

  #passAll(piece: Buffer, watch: BodyWatch): boolean {
    this.#passGathered();
    return this.#pass(piece, watch);
  }

  #pass(piece: Buffer, watch: BodyWatch): boolean {
    const more = super.push(piece);
    if (more) watch.wanted();
    else watch.unwanted();
    return more;
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
    // The body may fail after its reader has left.
    this.#request.on('error', ignore); // remaining readers have their own listener
    return this.#request;
  }

  trailers(): RawHeaders {
    return this.#request.rawTrailers;
  }
}
