// Owns how late the event loop was: the longest delay since it was last asked.
import { monitorEventLoopDelay } from 'node:perf_hooks';

/** A timer in native code; what it measures includes its own interval. */
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
