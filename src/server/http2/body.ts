// The body of an HTTP/2 request: watched as it arrives, and ended only by the client's END_STREAM.
// An abandoned body costs the client nothing but its window: data that is not read is not sent.
import type { ServerHttp2Stream } from 'node:http2';
import { Readable } from 'node:stream';
import { GatewayError } from '../../kernel/errors/gateway-error.ts';
import { noHeaders, type RawHeaders, type RequestBody } from '../../kernel/http/http.ts';
import { ignore } from '../../kernel/ignore.ts';
import type { BodyWatch } from '../body-watch.ts';
import type { BodyLength } from '../head-check.ts';
import { smallDataBytes } from './bounds.ts';
import { paddedFieldFault } from './response-fields.ts';

const maxGatheredPieces = 256;

export class Http2Body implements RequestBody {
  lengthBytes: BodyLength;
  readonly #stream: ServerHttp2Stream;
  readonly #watch: BodyWatch;
  #pieces: Http2BodyPieces | undefined = undefined;
  #trailers: RawHeaders = noHeaders;

  constructor(stream: ServerHttp2Stream, lengthBytes: BodyLength, watch: BodyWatch) {
    this.#stream = stream;
    this.lengthBytes = lengthBytes;
    this.#watch = watch;
    if (lengthBytes === 'none') return;
    stream.on('trailers', (_fields: unknown, _flags: unknown, raw: RawHeaders) => {
      this.#trailers = raw;
      const fault = paddedFieldFault(raw);
      if (fault !== undefined) watch.invalid(fault);
    });
  }

  get started(): boolean {
    return this.#pieces !== undefined;
  }

  get receivedBytes(): number {
    return this.#watch.receivedBytes;
  }

  open(): Readable {
    if (this.lengthBytes === 'none') throw new Error('a request without a body was opened');
    if (this.#pieces !== undefined) throw new Error('the body of a request was opened twice');
    this.#pieces = new Http2BodyPieces(this.#stream, this.#watch);
    return this.#pieces;
  }

  trailers(): RawHeaders {
    return this.#trailers;
  }

  /**
   * The client has ended the body without content. With trailers it still counts as a body. Called
   * before open().
   */
  endedEmpty(): void {
    if (this.#trailers.length === 0) this.lengthBytes = 'none';
  }

  /** Fails the body: its reader gets the error. The stream stays open for the response. */
  fail(error: GatewayError): void {
    this.#pieces?.destroy(error);
  }
}

class Http2BodyPieces extends Readable {
  readonly #stream: ServerHttp2Stream;
  readonly #watch: BodyWatch;
  /** Undefined: no small piece has arrived in this turn of the event loop. */
  #gathered: Buffer[] | undefined = undefined;

  constructor(stream: ServerHttp2Stream, watch: BodyWatch) {
    super();
    this.#stream = stream;
    this.#watch = watch;
    // The body may fail after its reader has left.
    this.on('error', ignore); // remaining readers have their own listener
    stream.on('data', this.#received).once('end', this.#ended).once('close', this.#closed).pause();
  }

  override _read(): void {
    // An empty body may have ended before it was opened, and the client may have left.
    if (this.#stream.readableEnded || this.#stream.destroyed) {
      this.#ended();
      return;
    }
    this.#watch.wanted();
    this.#stream.resume();
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.#watch.end();
    this.#stream.off('data', this.#received).off('end', this.#ended).off('close', this.#closed).pause();
    callback(error);
  }

  readonly #received = (piece: Buffer): void => {
    if (!this.#watch.piece(piece.length)) return;
    if (piece.length < smallDataBytes) this.#gather(piece);
    else {
      this.#passGathered();
      this.#pass(piece);
    }
  };

  /**
   * Joins small pieces of one turn of the event loop, because each costs as much to pass on as a
   * large one. The first one is passed on at once.
   */
  #gather(piece: Buffer): void {
    if (this.#gathered === undefined) {
      this.#gathered = [];
      setImmediate(this.#turnOver);
      this.#pass(piece);
      return;
    }
    this.#gathered.push(piece);
    if (this.#gathered.length === maxGatheredPieces) this.#passGathered();
  }

  #passGathered(): void {
    if (this.#gathered === undefined || this.#gathered.length === 0) return;
    const pieces = this.#gathered;
    this.#gathered = [];
    this.#pass(Buffer.concat(pieces));
  }

  readonly #turnOver = (): void => {
    if (!this.destroyed) this.#passGathered();
    this.#gathered = undefined;
  };

  #pass(piece: Buffer): void {
    if (this.push(piece)) this.#watch.wanted();
    else {
      this.#watch.unwanted();
      this.#stream.pause();
    }
  }

  readonly #ended = (): void => {
    // Node also ends a stream that the client resets with NO_ERROR: if the stream is closed before
    // its response, the client did not end the body.
    if (this.#stream.closed) {
      this.#closed();
      return;
    }
    this.#passGathered();
    this.#watch.end();
    this.push(null);
  };

  readonly #closed = (): void => {
    this.destroy(new GatewayError('client_closed', 'The client left before its request was complete.'));
  };
}
