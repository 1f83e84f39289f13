// Owns the way from a stream of server-sent events to the JSON in it: what stands behind `data:`, event by event (WHATWG HTML §9.2.6),
// passed on in the pieces in which it comes. Holds none of it.
import type { UsageScanner } from './usage-json.ts';

const lineFeed = 0x0a;
const carriageReturn = 0x0d;

const fieldName: Uint8Array = Buffer.from('data:');

export class EventScanner {
  readonly #scanner: UsageScanner;
  /** Bytes of the line that are the field's name so far. Undefined: it is another field. */
  #matched: number | undefined = 0;
  #lineBytes = 0;
  #afterReturn = false;

  constructor(scanner: UsageScanner) {
    this.#scanner = scanner;
  }

  push(bytes: Uint8Array): void {
    let dataFrom = this.#matched === fieldName.length ? 0 : -1;
    for (let i = 0; i < bytes.length; i += 1) {
      const byte = bytes[i] ?? 0;
      const secondHalf = byte === lineFeed && this.#afterReturn;
      this.#afterReturn = byte === carriageReturn;
      if (secondHalf) continue;
      if (byte === lineFeed || byte === carriageReturn) {
        if (dataFrom !== -1) this.#scanner.push(bytes.subarray(dataFrom, i));
        dataFrom = -1;
        this.#endLine();
        continue;
      }
      this.#lineBytes += 1;
      if (this.#matched === undefined || this.#matched === fieldName.length) continue;
      this.#matched = byte === fieldName[this.#matched] ? this.#matched + 1 : undefined;
      if (this.#matched === fieldName.length) dataFrom = i + 1;
    }
    if (dataFrom !== -1) this.#scanner.push(bytes.subarray(dataFrom));
  }

  /** An empty line ends the event. Lines of data that follow one another are one text, and where they meet is space to JSON. */
  #endLine(): void {
    if (this.#lineBytes === 0) this.#scanner.reset();
    this.#lineBytes = 0;
    this.#matched = 0;
  }
}
