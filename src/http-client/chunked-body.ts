// Reads the chunks of a chunked body up to its trailer section (RFC 9112 §7.1). Merges the data of
// small chunks within the buffer in which they arrived, so that many small chunks become one piece.
import {
  BACKSLASH,
  byteClass,
  CR,
  DQUOTE,
  EQUALS,
  hexValue,
  isText,
  isToken,
  LF,
  notHex,
  SEMICOLON,
} from './byte-classes.ts';
import { ResponseError } from './malformed-response.ts';

/** Maximum digits of a chunk size; a longer one would not be a safe integer. */
const maxSizeDigits = 16;
/** A chunk line without its CRLF, as in Go's net/http. */
export const maxChunkLineBytes: number = 4 * 1024;
/**
 * Framing bytes that a body may have beyond 16 per chunk and twice its data, as in Go's net/http
 * (CVE-2023-39326). Chunk extensions must not make a body much larger than its content.
 */
export const maxExcessBytes: number = 16 * 1024;
const freeBytesPerChunk = 16;
/** The CRLF of the chunk line and the one after the data. */
const lineEndBytes = 4;
/**
 * Larger pieces are not merged: copying them costs more than delivering two pieces
 * (bench/micro/http-client.ts).
 */
const maxMovedBytes = 16 * 1024;
/** Below this size, a loop is cheaper than calling copyWithin (bench/micro/http-client.ts). */
const minCopyCallBytes = 32;

/** States. Those in which the bytes of a chunk line are counted come first. */
const inSize = 0;
const atName = 1;
const inName = 2;
const atValue = 3;
const inValue = 4;
const inQuotes = 5;
const inEscape = 6;
const afterQuotes = 7;
const atDataEnd = 8;
const atDataLineFeed = 9;
const atSize = 10;
const atLineFeed = 11;
const inData = 12;
const complete = 13;
const broken = 14;

export class ChunkedBody {
  /** Bounds, within its buffer, of the data that the last read() found. */
  dataStart = 0;
  dataEnd = 0;
  #state = atSize;
  /** Bytes of the chunk still to come. */
  #size = 0;
  #lineBytes = 0;
  #excessBytes = 0;

  /** The last chunk was read; the trailer section follows. */
  get complete(): boolean {
    return this.#state === complete;
  }

  start(): void {
    this.#state = atSize;
    this.#size = 0;
    this.#lineBytes = 0;
    this.#excessBytes = 0;
  }

  /**
   * Reads from `from` and stops at the end of the buffer, after the last chunk, or where the data
   * found so far must be delivered first. Returns the index where it stopped. Throws ResponseError
   * bad_chunk, but never while it has data to deliver.
   */
  read(buffer: Buffer, from: number): number {
    let at = from;
    this.dataStart = from;
    this.dataEnd = from;
    while (at < buffer.length && this.#state !== complete) {
      if (this.#state === inData) {
        const bytes = Math.min(this.#size, buffer.length - at);
        if (this.dataEnd === this.dataStart) {
          this.dataStart = at;
          this.dataEnd = at + bytes;
        } else if (bytes <= maxMovedBytes) this.#move(buffer, at, bytes);
        else return at;
        at += bytes;
        this.#size -= bytes;
        if (this.#size > 0) return at;
        this.#state = atDataEnd;
      }
      at = this.#readFraming(buffer, at);
      if (this.#state === broken) {
        if (this.dataEnd > this.dataStart) return at;
        throw new ResponseError('bad_chunk');
      }
    }
    return at;
  }

  #move(buffer: Buffer, from: number, bytes: number): void {
    const to = this.dataEnd;
    if (bytes < minCopyCallBytes) for (let i = 0; i < bytes; i += 1) buffer[to + i] = buffer[from + i] ?? 0;
    else buffer.copyWithin(to, from, from + bytes);
    this.dataEnd = to + bytes;
  }

  /**
   * Reads the CRLF after the data of a chunk and the next chunk line: chunk-size *( ";" name [ "="
   * ( token / quoted-string ) ] ) CRLF. Like llhttp, it rejects the whitespace that RFC 9112 §7.1.1
   * tolerates. Returns the index after the line, or the index of the first invalid byte with the
   * state `broken`. A single loop over local variables, because a buffer may contain nothing but
   * chunk lines.
   */
  #readFraming(buffer: Buffer, from: number): number {
    let state = this.#state;
    let lineBytes = this.#lineBytes;
    let size = this.#size;
    for (let at = from; at < buffer.length; at += 1) {
      const byte = buffer[at] ?? 0;
      const bits = byteClass[byte] ?? 0;
      let next = broken;
      switch (state) {
        case atDataEnd:
          if (byte === CR) next = atDataLineFeed;
          break;
        case atDataLineFeed:
          if (byte === LF) next = atSize;
          lineBytes = 0;
          break;
        case atSize:
        case inSize: {
          const digit = hexValue[byte] ?? notHex;
          if (digit !== notHex) {
            size = size * 16 + digit;
            if (lineBytes < maxSizeDigits && size <= Number.MAX_SAFE_INTEGER) next = inSize;
          } else if (state === inSize) next = behindElement(byte);
          break;
        }
        case atName:
          if ((bits & isToken) !== 0) next = inName;
          break;
        case inName:
          if ((bits & isToken) !== 0) next = inName;
          else next = byte === EQUALS ? atValue : behindElement(byte);
          break;
        case atValue:
          if (byte === DQUOTE) next = inQuotes;
          else if ((bits & isToken) !== 0) next = inValue;
          break;
        case inValue:
          next = (bits & isToken) !== 0 ? inValue : behindElement(byte);
          break;
        case inQuotes:
          if (byte === DQUOTE) next = afterQuotes;
          else if (byte === BACKSLASH) next = inEscape;
          else if ((bits & isText) !== 0) next = inQuotes;
          break;
        case inEscape:
          if ((bits & isText) !== 0) next = inQuotes;
          break;
        case afterQuotes:
          next = behindElement(byte);
          break;
        case atLineFeed:
          if (byte === LF) return this.#endLine(lineBytes, size) ? at + 1 : at;
      }
      if (next < atDataEnd) {
        lineBytes += 1;
        if (lineBytes > maxChunkLineBytes) next = broken;
      }
      state = next;
      if (state === broken) {
        this.#state = broken;
        return at;
      }
    }
    this.#state = state;
    this.#lineBytes = lineBytes;
    this.#size = size;
    return buffer.length;
  }

  /** Returns false if there is too much framing for the amount of data. */
  #endLine(lineBytes: number, size: number): boolean {
    const excess = this.#excessBytes + lineBytes + lineEndBytes - freeBytesPerChunk - 2 * size;
    this.#excessBytes = Math.max(0, excess);
    this.#lineBytes = 0;
    this.#size = size;
    this.#state = size === 0 ? complete : inData;
    if (this.#excessBytes <= maxExcessBytes) return true;
    this.#state = broken;
    return false;
  }
}

/** The state after a size or an extension: another extension or the end of the line. */
function behindElement(byte: number): number {
  if (byte === SEMICOLON) return atName;
  return byte === CR ? atLineFeed : broken;
}
