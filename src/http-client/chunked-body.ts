// Reads the chunks of a chunked body up to its trailer section (RFC 9112 §7.1). Data of small chunks is moved together within the
// buffer that it came in, so that many small chunks become one piece.
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
import { ResponseError } from './response-error.ts';

/** Digits of a chunk size; more would be no safe integer. */
const maxSizeDigits = 16;
/** A chunk line without its CRLF, as in Go's net/http. */
export const maxChunkLineBytes: number = 4 * 1024;
/**
 * Bytes of framing that a body may have beyond 16 for each chunk and twice its data, as in Go's net/http (CVE-2023-39326):
 * extensions must not make a body much larger than its content.
 */
export const maxExcessBytes: number = 16 * 1024;
const freeBytesPerChunk = 16;
/** The CRLF of the chunk line and the one behind the data. */
const lineEndBytes = 4;
/** Larger pieces are passed on as they lie: moving them would cost more than passing two. */
const maxMovedBytes = 16 * 1024;
/** Below this a loop is cheaper than a call. */
const minCopyCallBytes = 32;

const atSize = 0;
const inSize = 1;
const atExtensionName = 2;
const inExtensionName = 3;
const atExtensionValue = 4;
const inExtensionValue = 5;
const inQuotes = 6;
const inEscape = 7;
const afterQuotes = 8;
const atLineFeed = 9;
const inData = 10;
const atDataEnd = 11;
const atDataLineFeed = 12;
const complete = 13;
const broken = 14;

export class ChunkedBody {
  /** Where the data that the last read() has found lies in its buffer. */
  dataStart = 0;
  dataEnd = 0;
  #state = atSize;
  #sizeDigits = 0;
  /** Bytes of the chunk that are still to come. */
  #size = 0;
  #lineBytes = 0;
  #excessBytes = 0;

  /** The last chunk was read; the trailer section follows. */
  get complete(): boolean {
    return this.#state === complete;
  }

  start(): void {
    this.#startLine();
    this.#excessBytes = 0;
  }

  /**
   * Reads from `from`, and stops at the end of the buffer, behind the last chunk, or where the data found so far must be passed on
   * first. Returns the index where it stopped. Throws ResponseError bad_chunk, but never while it has data to pass on.
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
        if (this.#size === 0) this.#state = atDataEnd;
      } else if (this.#readFraming(buffer[at] ?? 0)) at += 1;
      else {
        this.#state = broken;
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

  /** One byte outside the data. False: it may not stand there. */
  #readFraming(byte: number): boolean {
    switch (this.#state) {
      case atSize:
      case inSize: {
        const digit = hexValue[byte] ?? 0;
        if (digit === notHex) return this.#state === inSize && this.#endElement(byte);
        this.#size = this.#size * 16 + digit;
        this.#sizeDigits += 1;
        this.#state = inSize;
        return this.#sizeDigits <= maxSizeDigits && this.#size <= Number.MAX_SAFE_INTEGER && this.#countByte();
      }
      case atLineFeed:
        return byte === LF && this.#endLine();
      case atDataEnd:
        this.#state = atDataLineFeed;
        return byte === CR;
      case atDataLineFeed:
        this.#startLine();
        return byte === LF;
      case broken:
        return false;
      default:
        return this.#readExtension(byte);
    }
  }

  /** chunk-ext = *( ";" name [ "=" ( token / quoted-string ) ] ), without the bad whitespace that RFC 9112 §7.1.1 asks to tolerate. */
  #readExtension(byte: number): boolean {
    const bits = byteClass[byte] ?? 0;
    switch (this.#state) {
      case atExtensionName:
        this.#state = inExtensionName;
        return (bits & isToken) !== 0 && this.#countByte();
      case inExtensionName:
        if ((bits & isToken) !== 0) return this.#countByte();
        if (byte !== EQUALS) return this.#endElement(byte);
        this.#state = atExtensionValue;
        return this.#countByte();
      case atExtensionValue:
        this.#state = byte === DQUOTE ? inQuotes : inExtensionValue;
        return (byte === DQUOTE || (bits & isToken) !== 0) && this.#countByte();
      case inExtensionValue:
        return (bits & isToken) !== 0 ? this.#countByte() : this.#endElement(byte);
      case inQuotes:
        if (byte === DQUOTE) this.#state = afterQuotes;
        else if (byte === BACKSLASH) this.#state = inEscape;
        return (bits & isText) !== 0 && this.#countByte();
      case inEscape:
        this.#state = inQuotes;
        return (bits & isText) !== 0 && this.#countByte();
      default:
        // afterQuotes
        return this.#endElement(byte);
    }
  }

  /** What may follow a size or an extension: another one, or the end of the line. */
  #endElement(byte: number): boolean {
    if (byte === SEMICOLON) {
      this.#state = atExtensionName;
      return this.#countByte();
    }
    this.#state = atLineFeed;
    return byte === CR;
  }

  #countByte(): boolean {
    this.#lineBytes += 1;
    return this.#lineBytes <= maxChunkLineBytes;
  }

  #endLine(): boolean {
    const excess = this.#excessBytes + this.#lineBytes + lineEndBytes - freeBytesPerChunk - 2 * this.#size;
    this.#excessBytes = Math.max(0, excess);
    this.#state = this.#size === 0 ? complete : inData;
    return this.#excessBytes <= maxExcessBytes;
  }

  #startLine(): void {
    this.#state = atSize;
    this.#sizeDigits = 0;
    this.#size = 0;
    this.#lineBytes = 0;
  }
}
