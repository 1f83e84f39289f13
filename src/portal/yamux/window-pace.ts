// Measures the rate of one stream and the round trip of its session from grants and received bytes,
// and computes the window size. Needs no pings: a byte beyond the edge of the window cannot arrive
// sooner than one round trip after the grant that allowed it.
import type { MinRoundTrip } from './round-trip.ts';

/** A longer wait for the byte beyond the edge means that the peer paused. */
const maxRoundTripMs = 2_000;
/**
 * The window grows if more than this fraction of it arrives in one round trip. A window that does
 * not limit the peer, because it holds twice the bandwidth-delay product, fills to one half.
 */
const growingUtilisation = 0.6;
/**
 * A process reads all bytes gathered in a socket at once, so shorter intervals between reads do not
 * show the rate of the path.
 */
const minSpanMs = 1;
/**
 * The window becomes twice the bandwidth-delay product, because a peer sends only half of it before
 * it needs the next grant. Growth is limited to this factor at once, because bytes gathered while a
 * process is busy look like a very fast path.
 */
const maxFactor = 8;

export class WindowPace {
  readonly #roundTrip: MinRoundTrip;
  #sampling = false;
  #sampledAtMs = 0;
  /** Bytes up to the edge before the sampled grant. */
  #toEdgeBytes = 0;

  constructor(roundTrip: MinRoundTrip) {
    this.#roundTrip = roundTrip;
  }

  /** Handles a Data header within the window. */
  arrived(bytes: number, clockMs: () => number): void {
    if (!this.#sampling) return;
    this.#toEdgeBytes -= bytes;
    if (this.#toEdgeBytes >= 0) return;
    this.#sampling = false;
    const nowMs = clockMs();
    const sampleMs = nowMs - this.#sampledAtMs;
    if (sampleMs <= maxRoundTripMs) this.#roundTrip.sample(sampleMs, nowMs);
  }

  /**
   * Returns the desired window size, from the bytes consumed since the last grant and the time
   * since the first of them arrived, which excludes the wait for that grant. `leftBytes`: what the
   * peer may still send without the next grant.
   */
  granted(windowBytes: number, consumedBytes: number, leftBytes: number, arrivedAtMs: number, nowMs: number): number {
    if (!this.#sampling) {
      this.#sampling = true;
      this.#sampledAtMs = nowMs;
      this.#toEdgeBytes = leftBytes;
    }
    const roundTripMs = this.#roundTrip.ms;
    if (roundTripMs === Infinity) return windowBytes;
    const productBytes = Math.ceil((consumedBytes * roundTripMs) / Math.max(nowMs - arrivedAtMs, minSpanMs));
    if (productBytes < windowBytes * growingUtilisation) return windowBytes;
    return Math.min(2 * productBytes, maxFactor * windowBytes);
  }
}
