// Event loop lag: the longest delay since the last scrape.
import { monitorEventLoopDelay } from 'node:perf_hooks';

/** A native timer; the measured delay includes this interval. */
const resolutionMs = 20;

export class LoopLag {
  readonly #delays = monitorEventLoopDelay({ resolution: resolutionMs });

  constructor() {
    this.#delays.enable();
  }

  takeSeconds(): number {
    const maxMs = this.#delays.max / 1e6 - resolutionMs;
    this.#delays.reset();
    return Math.max(0, maxMs) / 1000;
  }

  close(): void {
    this.#delays.disable();
  }
}
