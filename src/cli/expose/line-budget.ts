// Bounds how many lines of one kind reach a terminal: a burst, then one line per refill, with the
// number of omitted lines.

/** Enough for a page and all its parts. */
const maxLines = 20;
const refillMs = 10_000;

export class LineBudget {
  #lines = maxLines;
  #refilledMs: number;
  #leftOut = 0;

  /** `nowMs`: monotonic, from the same clock as for take(). */
  constructor(nowMs: number) {
    this.#refilledMs = nowMs;
  }

  /** The text to append to the line, which may be empty; undefined: omit the line. */
  take(nowMs: number): string | undefined {
    const refills = Math.floor((nowMs - this.#refilledMs) / refillMs);
    this.#refilledMs += refills * refillMs;
    this.#lines = Math.min(maxLines, this.#lines + refills);
    if (this.#lines === 0) {
      this.#leftOut += 1;
      return undefined;
    }
    this.#lines -= 1;
    const text = this.#leftOut === 0 ? '' : ` ${this.#leftOut} more since the last such line.`;
    this.#leftOut = 0;
    return text;
  }
}
