// Reads a status line and field lines, or field lines alone, byte by byte (RFC 9112 §4, §5).
// Validates each byte as it arrives, marks where names and values begin and end, and finally slices
// all strings out of one. A section that arrives in pieces is copied once.
import { byteClass, COLON, CR, HTAB, isText, isToken, LF, SP } from './byte-classes.ts';
import { ResponseError } from './malformed-response.ts';

/** Maximum bytes of a head and of a trailer section. */
export const maxHeadBytes: number = 64 * 1024;
/** Maximum bytes of a status line without its CRLF. Real ones have a few dozen bytes. */
export const maxStatusLineBytes: number = 4 * 1024;

/** RFC 9112 §4: the status line up to the minor version. */
const protocol = Buffer.from('HTTP/1.', 'latin1');
/** Offsets within the status line. */
const minorOffset = protocol.length;
const statusOffset = minorOffset + 2;
const reasonOffset = statusOffset + 3;

const inStart = 0;
const inReason = 1;
const atStartOfLine = 2;
const inName = 3;
const inValue = 4;
const atLineFeed = 5;
const atLastLineFeed = 6;

/** A list of marks longer than this is not kept for the next head. */
const keptMarks = 512;

export class HeadScanner {
  status = 0;
  version: '1.0' | '1.1' = '1.1';
  #state = inStart;
  #inTrailers = false;
  /** Bytes of this section read by earlier calls. */
  #seenBytes = 0;
  /** The bytes counted by #seenBytes. */
  #kept: Buffer | undefined;
  /**
   * Offsets within the section: the start of the first field line, then the colon and the end of
   * each line.
   */
  #marks: number[] = [];
  #markCount = 0;

  /**
   * Bytes of the section that scan() has read; the size of the whole section once it is complete.
   */
  get bytes(): number {
    return this.#seenBytes;
  }

  startHead(): void {
    this.#start(inStart, false);
  }

  /** Starts field lines without a status line: trailers, or the fields of a request. */
  startFields(): void {
    this.#start(atStartOfLine, true);
    this.#mark(0);
  }

  /**
   * Reads from `from` to the end of the section or of the buffer. Returns the index after the
   * section, or -1 if it continues in the next buffer. Throws ResponseError.
   */
  scan(buffer: Buffer, from: number): number {
    /** Offset in this buffer at which the section begins; may be negative. */
    const base = from - this.#seenBytes;
    const limit = Math.min(buffer.length, base + maxHeadBytes);
    let at = from;
    let state = this.#state;
    while (at < limit) {
      const byte = buffer[at] ?? 0;
      switch (state) {
        case inValue:
          if (((byteClass[byte] ?? 0) & isText) !== 0) {
            at += 1;
            while (at < limit && ((byteClass[buffer[at] ?? 0] ?? 0) & isText) !== 0) at += 1;
            continue;
          }
          if (byte !== CR) throw this.#malformed();
          this.#mark(at - base);
          state = atLineFeed;
          break;
        case inName:
          if (((byteClass[byte] ?? 0) & isToken) !== 0) {
            at += 1;
            while (at < limit && ((byteClass[buffer[at] ?? 0] ?? 0) & isToken) !== 0) at += 1;
            continue;
          }
          if (byte !== COLON) throw this.#malformed();
          this.#mark(at - base);
          state = inValue;
          break;
        case atLineFeed:
          if (byte !== LF) throw this.#malformed();
          // The first line end is that of the status line, after which the fields begin.
          if (this.#markCount === 0) this.#mark(at + 1 - base);
          state = atStartOfLine;
          break;
        case atStartOfLine:
          if (((byteClass[byte] ?? 0) & isToken) !== 0) state = inName;
          else if (byte === CR) state = atLastLineFeed;
          else throw this.#malformed();
          break;
        case atLastLineFeed:
          if (byte !== LF) throw this.#malformed();
          at += 1;
          this.#keep(buffer, from, at, true);
          return at;
        case inStart:
          state = this.#startByte(byte, at - base);
          break;
        default:
          // inReason
          if (byte === CR) state = atLineFeed;
          else if (((byteClass[byte] ?? 0) & isText) === 0) throw new ResponseError('bad_status_line');
          else if (at - base >= maxStatusLineBytes) throw new ResponseError('head_too_large');
      }
      at += 1;
    }
    if (at - base === maxHeadBytes) throw new ResponseError(this.#inTrailers ? 'trailers_too_large' : 'head_too_large');
    this.#state = state;
    this.#keep(buffer, from, at, false);
    return -1;
  }

  /**
   * Returns the fields of the section that scan() has just finished: name, value, ... May be
   * called once, with the arguments of that scan() call. The strings share the memory of the
   * whole section.
   */
  fields(buffer: Buffer, from: number): string[] {
    const first = this.#marks[0] ?? 0;
    const fieldCount = (this.#markCount - 1) >> 1;
    const kept = this.#kept;
    this.#kept = undefined;
    if (fieldCount === 0) return [];
    const end = this.#marks[this.#markCount - 1] ?? 0;
    const text =
      kept === undefined ? buffer.toString('latin1', from + first, from + end) : kept.toString('latin1', first, end);
    const fields = new Array<string>(2 * fieldCount);
    let lineStart = 0;
    for (let i = 0; i < fieldCount; i += 1) {
      const colon = (this.#marks[2 * i + 1] ?? 0) - first;
      const lineEnd = (this.#marks[2 * i + 2] ?? 0) - first;
      let start = colon + 1;
      let stop = lineEnd;
      while (start < stop && isOws(text.charCodeAt(start))) start += 1;
      while (stop > start && isOws(text.charCodeAt(stop - 1))) stop -= 1;
      const name = text.substring(lineStart, colon);
      // A tab is whitespace (RFC 9112 §5), but llhttp rejects a length followed by one and reads it
      // as part of a coding.
      if (stop < lineEnd && isFraming(name) && text.substring(stop, lineEnd).includes('\t')) {
        throw new ResponseError('bad_framing');
      }
      fields[2 * i] = name;
      fields[2 * i + 1] = text.substring(start, stop);
      lineStart = lineEnd + 2;
    }
    return fields;
  }

  #start(state: number, inTrailers: boolean): void {
    this.#state = state;
    this.#inTrailers = inTrailers;
    this.#seenBytes = 0;
    this.#kept = undefined;
    this.#markCount = 0;
    this.status = 0;
    if (this.#marks.length > keptMarks) this.#marks = [];
  }

  #mark(offset: number): void {
    if (this.#markCount < this.#marks.length) this.#marks[this.#markCount] = offset;
    else this.#marks.push(offset);
    this.#markCount += 1;
  }

  /**
   * Reads a byte before the reason phrase. Throws ResponseError at the first byte that is invalid
   * at this position of an HTTP/1 response.
   */
  #startByte(byte: number, offset: number): number {
    if (offset < minorOffset) {
      if (byte !== protocol[offset]) throw new ResponseError('not_http');
    } else if (offset === minorOffset) {
      if (byte !== 0x30 && byte !== 0x31) throw new ResponseError('not_http');
      this.version = byte === 0x30 ? '1.0' : '1.1';
    } else if (offset < statusOffset) {
      if (byte !== SP) throw new ResponseError('not_http');
    } else if (offset < reasonOffset) {
      const digit = byte - 0x30;
      // RFC 9110 §15: 100 to 599.
      const inRange = offset === statusOffset ? digit >= 1 && digit <= 5 : digit >= 0 && digit <= 9;
      if (!inRange) throw new ResponseError('bad_status_line');
      this.status = this.status * 10 + digit;
    } else {
      // Many servers omit the space before an empty reason phrase.
      if (byte === CR) return atLineFeed;
      if (byte !== SP) throw new ResponseError('bad_status_line');
      return inReason;
    }
    return inStart;
  }

  /**
   * Appends to the bytes of earlier buffers. A section that is complete within its first buffer
   * is not copied.
   */
  #keep(buffer: Buffer, from: number, to: number, complete: boolean): void {
    const bytes = to - from;
    const total = this.#seenBytes + bytes;
    if (this.#seenBytes > 0 || !complete) {
      if (this.#kept === undefined || this.#kept.length < total) {
        const larger = Buffer.allocUnsafeSlow(Math.max(1024, 2 * total));
        this.#kept?.copy(larger, 0, 0, this.#seenBytes);
        this.#kept = larger;
      }
      buffer.copy(this.#kept, this.#seenBytes, from, to);
    }
    this.#seenBytes = total;
  }

  #malformed(): ResponseError {
    if (this.#inTrailers) return new ResponseError('bad_trailer');
    return new ResponseError(this.#markCount === 0 ? 'bad_status_line' : 'bad_field');
  }
}

function isOws(code: number): boolean {
  return code === SP || code === HTAB;
}

function isFraming(name: string): boolean {
  const lower = name.toLowerCase();
  return lower === 'content-length' || lower === 'transfer-encoding';
}
