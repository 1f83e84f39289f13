// Splits a byte stream into length-prefixed messages, however it is chunked. Allocates for received
// bytes only, never for an announced length. Does not interpret messages.
import { PortalError } from '../errors.ts';
import { lengthBytes, maxMessageBytes } from './length-prefix.ts';

const empty = Buffer.alloc(0);

/**
 * Feed with push(), then take messages with next() until it returns undefined. Memory is limited by
 * the pushed bytes and by `limitBytes`.
 */
export class MessageReader {
  readonly #limitBytes: number;
  /**
   * The unread bytes are #buffer[#start, #end). Bytes before #end are never overwritten: messages
   * are views of them.
   */
  #buffer: Buffer = empty;
  #start = 0;
  #end = 0;
  /** False: the buffer is a chunk of the carrier and must not be written to. */
  #owned = false;

  /** `limitBytes`: the longest message that the caller accepts, at most 2^26. */
  constructor(limitBytes: number) {
    if (!(limitBytes >= 0 && limitBytes <= maxMessageBytes)) throw new RangeError(`bad message limit ${limitBytes}`);
    this.#limitBytes = limitBytes;
  }

  /** Keeps a view of the chunk if no copy is needed. */
  push(chunk: Buffer): void {
    if (this.#start === this.#end) {
      this.#buffer = chunk;
      this.#owned = false;
      this.#start = 0;
      this.#end = chunk.length;
      return;
    }
    const unread = this.#end - this.#start;
    if (!this.#owned || this.#end + chunk.length > this.#buffer.length) {
      // Doubling keeps the cost linear for a message that arrives byte by byte, and the memory at
      // twice the received bytes.
      const grown = Buffer.allocUnsafeSlow(Math.max(unread + chunk.length, 2 * unread));
      this.#buffer.copy(grown, 0, this.#start, this.#end);
      this.#buffer = grown;
      this.#owned = true;
      this.#start = 0;
      this.#end = unread;
    }
    chunk.copy(this.#buffer, this.#end);
    this.#end += chunk.length;
  }

  /**
   * The next complete message without its length, or undefined. Throws PortalError packet_too_large
   * on this and every later call.
   */
  next(): Buffer | undefined {
    if (this.#end - this.#start < lengthBytes) return undefined;
    const length = this.#buffer.readUInt32BE(this.#start);
    if (length > this.#limitBytes) {
      throw new PortalError(
        'packet_too_large',
        `a message of ${length} bytes, but at most ${this.#limitBytes} are allowed here`,
      );
    }
    const messageStart = this.#start + lengthBytes;
    if (messageStart + length > this.#end) return undefined;
    this.#start = messageStart + length;
    return this.#buffer.subarray(messageStart, this.#start);
  }

  /** Returns the bytes after the last message and empties the reader. */
  rest(): Buffer {
    const rest = this.#buffer.subarray(this.#start, this.#end);
    this.#buffer = empty;
    this.#start = 0;
    this.#end = 0;
    return rest;
  }
}
