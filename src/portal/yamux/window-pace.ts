// Measures the rate of one stream, and the round trip of its session, from the stream's own grants and bytes, and says how large the window
// should be. Does not send pings: a byte beyond the edge of the window cannot arrive sooner than one round trip after the grant that
// allowed it.
import type { MinRoundTrip } from './round-trip.ts';

/** A longer wait for the byte beyond the edge is a pause of the peer. */
const maxRoundTripMs = 2_000;
/**
 * Half a window that arrives at the rate of the path takes half a round trip where the window holds twice the bandwidth-delay product,
 * and a window that holds nothing back never arrives faster than that. Above this part of a window in a round trip the window grows.
 */
const growingUtilisation = 0.6;
/** A process reads what has gathered in a socket in one go: less time than this between two reads says nothing of the path. */
const minSpanMs = 1;
/**
 * The window becomes twice the bandwidth-delay product, because a peer sends only half of it before it needs the next grant; but at most
 * so many times as large at once, for the same reason: what gathers while a process is busy looks like a very fast path.
 */
const maxFactor = 8;

export class WindowPace {
  readonly #roundTrip: MinRoundTrip;
  #sampling = false;
  #sampledAtMs = 0;
  /** Until the edge before the sampled grant. */
  #toEdgeBytes = 0;

  constructor(roundTrip: MinRoundTrip) {
    this.#roundTrip = roundTrip;
  }

  /** A Data header within the window. */
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
   * How large a window should be of which so much was consumed since the last grant, in the time since the first of these bytes arrived.
   * That time has no waiting for the last grant in it. `leftBytes`: what the peer may still send without the next grant.
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
