// Incremental, strict reader of the responses on one HTTP/1 connection (RFC 9112). The events do
// not depend on how the bytes are split. Removes no field. Does not decide whether the connection
// may be reused. Not llhttp: its WebAssembly build takes 2.7 us for a response, this 0.9
// (bench/micro/http-client.ts), and it accepts responses that are rejected here
// (test/fuzz/response-differences.ts).
import { noHeaders, type RawHeaders } from '../kernel/http/http.ts';
import { checkTrailers } from './control-fields.ts';
import { responseHead } from './response-framing.ts';
import { maxHeadBytes } from './head-scanner.ts';
import { PausableReader } from './pausable-reader.ts';
import { stateOfPhase, type ReaderPhase, type ReaderState } from './reader-phase.ts';
import { ResponseError, type CutPoint } from './malformed-response.ts';
import type { ExpectedResponse, ResponseHandler, ResponseHead } from './response.ts';

/** Maximum bytes of all interim responses to one request: the limit of one head. */
export const maxInformationalBytes: number = maxHeadBytes;
/**
 * Minimum that an interim response counts, in bytes, so that a thousand of the shortest ones are
 * too many as well.
 */
export const minInformationalBytes = 64;

const noBytes: Buffer = Buffer.alloc(0);

export class ResponseReader extends PausableReader<ReaderPhase> {
  protected override phase: ReaderPhase = 'idle';
  readonly #handler: ResponseHandler;
  #expected: ExpectedResponse = { method: '', offeredProtocols: '' };
  #informationalBytes = 0;
  #excess = false;
  /** The peer ended while bytes were held. */
  #endHeld = false;

  constructor(handler: ResponseHandler) {
    super(handler);
    this.#handler = handler;
  }

  get state(): ReaderState {
    return stateOfPhase[this.phase];
  }

  /**
   * Bytes arrived that belong to no response: before the first request, or after a complete
   * response. They are dropped.
   */
  get excess(): boolean {
    return this.#excess;
  }

  /** No byte has arrived since expect(). */
  get silent(): boolean {
    return this.phase === 'head' && this.scanner.bytes === 0 && this.#informationalBytes === 0;
  }

  /**
   * Must be called for each request. Throws TypeError while another response is expected, after
   * excess bytes, and for CONNECT.
   */
  expect(expected: ExpectedResponse): void {
    if ((this.phase !== 'idle' && this.phase !== 'done') || this.#excess) {
      throw new TypeError(`no response can be expected now: ${this.phase}${this.#excess ? ', excess' : ''}`);
    }
    if (expected.method === 'CONNECT') throw new TypeError('the response to CONNECT has another framing');
    this.#expected = expected;
    this.phase = 'head';
    this.#informationalBytes = 0;
    this.startMessage();
    this.scanner.startHead();
  }

  /**
   * Takes ownership of the bytes, which the reader may change. Calls the handler; bytes received
   * during a pause are held. Throws ResponseError once; later bytes are ignored.
   */
  push(chunk: Buffer): void {
    if (chunk.length === 0) return;
    switch (this.phase) {
      case 'idle':
      case 'done':
        this.#excess = true;
        return;
      case 'failed':
        return;
      case 'upgraded':
      case 'head':
      case 'body':
      case 'close':
        this.take(chunk);
    }
  }

  /**
   * The peer has ended. Completes a body that only the end of the connection ends; throws
   * ResponseError cut if a response is incomplete.
   */
  end(): void {
    if ((this.held.length > 0 || this.reading) && this.phase !== 'upgraded') {
      this.#endHeld = true;
      return;
    }
    switch (this.phase) {
      case 'idle':
      case 'done':
      case 'upgraded':
      case 'failed':
        return;
      case 'close':
        this.#complete(noHeaders, false);
        return;
      case 'head':
        this.#cut(this.silent ? 'no_response' : 'head');
        return;
      case 'body':
        this.#cut(this.body.inTrailers ? 'trailers' : 'body');
    }
  }

  override stop(): void {
    super.stop();
    this.#endHeld = false;
  }

  /** Returns the bytes that have arrived after a 101. Empty before upgrade() is called. */
  rest(): Buffer {
    return this.phase === 'upgraded' ? this.held.takeAll() : noBytes;
  }

  /** Reads the held bytes and the held end of the connection. */
  protected override readHeld(): void {
    super.readHeld();
    if (!this.#endHeld || this.held.length > 0 || this.reading) return;
    this.#endHeld = false;
    this.end();
  }

  protected override get mustHold(): boolean {
    return this.phase === 'upgraded';
  }

  protected override step(chunk: Buffer, from: number): number {
    switch (this.phase) {
      case 'head':
        return this.#readHead(chunk, from);
      case 'body':
        return this.readBody(chunk, from);
      case 'close':
        this.#handler.data(from === 0 ? chunk : chunk.subarray(from));
        return chunk.length;
      case 'idle':
      case 'done':
        this.#excess = true;
        return chunk.length;
      case 'upgraded':
      case 'failed':
        return chunk.length;
    }
  }

  protected override bodyEnded(trailers: RawHeaders, more: boolean): void {
    checkTrailers(trailers);
    this.#complete(trailers, more);
  }

  #readHead(chunk: Buffer, from: number): number {
    const scanner = this.scanner;
    const at = scanner.scan(chunk, from);
    if (at === -1) return chunk.length;
    const { status, version } = scanner;
    const head = responseHead({ status, version, headers: scanner.fields(chunk, from) }, this.#expected);
    if (status === 101) {
      this.phase = 'upgraded';
      if (at < chunk.length) this.held.unshift(chunk.subarray(at));
      this.#handler.upgrade(head);
      return chunk.length;
    }
    if (status < 200) {
      this.#informationalBytes += Math.max(scanner.bytes, minInformationalBytes);
      if (this.#informationalBytes > maxInformationalBytes) throw new ResponseError('too_many_informational');
      scanner.startHead();
      this.#handler.informational(head);
    } else this.#startBody(head, at < chunk.length);
    return at;
  }

  #startBody(head: ResponseHead, more: boolean): void {
    const { framing } = head;
    switch (framing.kind) {
      case 'none':
        this.phase = 'done';
        break;
      case 'length':
        this.body.startLength(framing.bytes);
        this.phase = framing.bytes === 0 ? 'done' : 'body';
        break;
      case 'chunked':
        this.body.startChunks();
        this.phase = 'body';
        break;
      case 'close':
        this.phase = 'close';
    }
    const isWhole = this.phase === 'done';
    this.#handler.head(head);
    if (isWhole && this.phase === 'done') this.#complete(noHeaders, more);
  }

  /**
   * `more`: bytes follow. Sets `excess` before end(), because the handler decides there whether to
   * reuse the connection.
   */
  #complete(trailers: RawHeaders, more: boolean): void {
    this.phase = 'done';
    if (more || this.held.length > 0) this.#excess = true;
    this.held.clear();
    this.#handler.end(trailers);
  }

  #cut(point: CutPoint): void {
    this.stop();
    throw new ResponseError('cut', point);
  }
}
