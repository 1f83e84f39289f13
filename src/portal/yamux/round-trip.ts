// The shortest round trip of a session in the last 10 to 20 seconds. Longer samples include
// waiting: behind our own upload, or for a busy process.

/** Like the filter of BBR, slightly longer than the keepalive interval. */
const periodMs = 10_000;

export class MinRoundTrip {
  #currentMs = Infinity;
  #previousMs = Infinity;
  #sinceMs = -Infinity;

  /** Infinity before the first sample. */
  get ms(): number {
    return Math.min(this.#currentMs, this.#previousMs);
  }

  sample(roundTripMs: number, nowMs: number): void {
    if (nowMs - this.#sinceMs >= periodMs) {
      this.#previousMs = this.#currentMs;
      this.#currentMs = Infinity;
      this.#sinceMs = nowMs;
    }
    this.#currentMs = Math.min(this.#currentMs, roundTripMs);
  }
}
