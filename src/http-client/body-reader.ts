// Reads the body of one message, by its length or in chunks with trailers (RFC 9112 §6, §7), for
// responses and requests. Delivers nothing itself: read() reports the data that it found.
import { noHeaders, type RawHeaders } from '../kernel/http/http.ts';
import { ChunkedBody } from './chunked-body.ts';
import type { HeadScanner } from './head-scanner.ts';

type Part = 'length' | 'chunks' | 'trailers' | 'complete';

export class BodyReader {
  /** Bounds, within its buffer, of the data that the last read() found. */
  dataStart = 0;
  dataEnd = 0;
  /** Set once the body is complete. */
  trailers: RawHeaders = noHeaders;
  readonly #scanner: HeadScanner;
  #chunked: ChunkedBody | undefined;
  #part: Part = 'complete';
  /** Bytes still to come, by Content-Length. */
  #missingBytes = 0;

  /** `scanner`: the scanner of the head, which is idle while the body is read. */
  constructor(scanner: HeadScanner) {
    this.#scanner = scanner;
  }

  get complete(): boolean {
    return this.#part === 'complete';
  }

  /** The last chunk was read, but its trailer section was not. */
  get inTrailers(): boolean {
    return this.#part === 'trailers';
  }

  /** Starts a body of `bytes` bytes. A body of 0 bytes is complete at once. */
  startLength(bytes: number): void {
    this.trailers = noHeaders;
    this.#missingBytes = bytes;
    this.#part = bytes === 0 ? 'complete' : 'length';
  }

  startChunks(): void {
    this.trailers = noHeaders;
    this.#chunked ??= new ChunkedBody();
    this.#chunked.start();
    this.#part = 'chunks';
  }

  /**
   * Reads from `from` and stops at the end of the buffer, after the body, or where the data found
   * so far must be delivered first. Returns the index where it stopped. May be called only while
   * the body is incomplete. Throws ResponseError, but never while it has data to deliver.
   */
  read(chunk: Buffer, from: number): number {
    this.dataStart = from;
    this.dataEnd = from;
    switch (this.#part) {
      case 'length':
        return this.#readLength(chunk, from);
      case 'chunks':
        return this.#readChunks(chunk, from);
      case 'trailers':
        return this.#readTrailers(chunk, from);
      case 'complete':
        return from;
    }
  }

  /** The data that the last read() found in `chunk`; undefined if it found none. */
  dataIn(chunk: Buffer): Buffer | undefined {
    const { dataStart, dataEnd } = this;
    if (dataEnd === dataStart) return undefined;
    return dataStart === 0 && dataEnd === chunk.length ? chunk : chunk.subarray(dataStart, dataEnd);
  }

  #readLength(chunk: Buffer, from: number): number {
    this.dataEnd = Math.min(chunk.length, from + this.#missingBytes);
    this.#missingBytes -= this.dataEnd - from;
    if (this.#missingBytes === 0) this.#part = 'complete';
    return this.dataEnd;
  }

  #readChunks(chunk: Buffer, from: number): number {
    const chunked = this.#chunked;
    if (chunked === undefined) return chunk.length;
    const at = chunked.read(chunk, from);
    this.dataStart = chunked.dataStart;
    this.dataEnd = chunked.dataEnd;
    if (chunked.complete) {
      this.#part = 'trailers';
      this.#scanner.startFields();
    }
    return at;
  }

  #readTrailers(chunk: Buffer, from: number): number {
    const at = this.#scanner.scan(chunk, from);
    if (at === -1) return chunk.length;
    this.trailers = this.#scanner.fields(chunk, from);
    this.#part = 'complete';
    return at;
  }
}
