// Extracts the JSON from a stream of server-sent events: the values of `data:`, event by event
// (WHATWG HTML §9.2.6), passed on in chunks as they arrive. Buffers nothing.
import type { UsageScanner } from './json-scanner.ts';

const lineFeed = 0x0a;
const carriageReturn = 0x0d;

const fieldName: Uint8Array = Buffer.from('data:');

export class EventScanner {
  readonly #scanner: UsageScanner;
  /**
   * The number of bytes of the line that match the field name so far. Undefined: it is another
   * field.
   */
  #matched: number | undefined = 0;
  #lineIsEmpty = true;
  #afterReturn = false;
  #hasData = false;

  constructor(scanner: UsageScanner) {
    this.#scanner = scanner;
  }

  /** True once a `data` line was seen. */
  get hasData(): boolean {
    return this.#hasData;
  }

  push(bytes: Uint8Array): void {
    for (let i = 0; i < bytes.length; i += 1) {
      const byte = bytes[i] ?? 0;
      const secondHalf = byte === lineFeed && this.#afterReturn;
      this.#afterReturn = byte === carriageReturn;
      if (secondHalf) continue;
      if (byte === lineFeed || byte === carriageReturn) this.#endLine();
      else if (this.#matched === undefined || this.#matched === fieldName.length) i = this.#passValue(bytes, i);
      else this.#matched = byte === fieldName[this.#matched] ? this.#matched + 1 : undefined;
      this.#lineIsEmpty = byte === lineFeed || byte === carriageReturn;
    }
  }

  /** Returns the index of the last byte of the line in this chunk. */
  #passValue(bytes: Uint8Array, from: number): number {
    let end = from;
    while (end < bytes.length && bytes[end] !== lineFeed && bytes[end] !== carriageReturn) end += 1;
    if (this.#matched !== undefined) {
      this.#hasData = true;
      this.#scanner.push(bytes.subarray(from, end));
    }
    return end - 1;
  }

  /**
   * An empty line ends the event. Consecutive `data` lines form one text; the line feed between
   * them is white space in JSON.
   */
  #endLine(): void {
    if (this.#lineIsEmpty) this.#scanner.reset();
    this.#matched = 0;
  }
}
