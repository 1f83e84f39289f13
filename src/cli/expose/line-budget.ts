// Bounds how many lines of one kind are printed: a burst, then one line per refill, with the number
// of omitted lines.

interface LineRate {
  readonly maxLines: number;
  readonly refillMs: number;
}

/** Enough for a page and all its parts. */
const defaultRate: LineRate = { maxLines: 20, refillMs: 10_000 };

export class LineBudget {
  readonly #rate: LineRate;
  #lines: number;
  #refilledMs: number;
  #omitted = 0;

  /** `nowMs`: monotonic, from the same clock as for take(). */
  constructor(nowMs: number, rate: LineRate = defaultRate) {
    this.#rate = rate;
    this.#lines = rate.maxLines;
    this.#refilledMs = nowMs;
  }

  /** How many lines were omitted since the last one; undefined: omit this one. */
  take(nowMs: number): number | undefined {
    const { maxLines, refillMs } = this.#rate;
    const refills = Math.floor((nowMs - this.#refilledMs) / refillMs);
    this.#refilledMs += refills * refillMs;
    this.#lines = Math.min(maxLines, this.#lines + refills);
    if (this.#lines === 0) {
      this.#omitted += 1;
      return undefined;
    }
    this.#lines -= 1;
    const omitted = this.#omitted;
    this.#omitted = 0;
    return omitted;
  }
}
