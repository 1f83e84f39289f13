// Measures the round trip and the rate of one stream from its own grants and bytes, and says how large its window should be.
// Does not send pings: a byte beyond the edge of the window cannot arrive sooner than one round trip after the grant that allowed it.

/** A longer wait for the byte beyond the edge is a pause of the peer. */
const maxRoundTripMs = 2_000;
/** An older minimum counts this much more with each new sample, so that a path that became longer is noticed. */
const ageing = 1.05;
/**
 * Half a window that arrives at the rate of the path takes half a round trip where the window holds twice the bandwidth-delay product,
 * and a window that holds nothing back never arrives faster than that. Above this part of a window in a round trip the window grows.
 */
const growingUtilisation = 0.6;
/**
 * The window becomes twice the bandwidth-delay product, because a peer sends only half of it before it needs the next grant; but at most
 * so many times as large at once. A busy process reads what has gathered in the socket in one go, which looks like a very fast path.
 */
const maxFactor = 8;

export class WindowPace {
  #roundTripMs = Infinity;
  #sampling = false;
  #sampledAtMs = 0;
  /** Until the edge before the sampled grant. */
  #toEdgeBytes = 0;

  /** A Data header within the window. */
  arrived(bytes: number, nowMs: () => number): void {
    if (!this.#sampling) return;
    this.#toEdgeBytes -= bytes;
    if (this.#toEdgeBytes >= 0) return;
    this.#sampling = false;
    const sampleMs = nowMs() - this.#sampledAtMs;
    if (sampleMs <= maxRoundTripMs) this.#roundTripMs = Math.min(sampleMs, this.#roundTripMs * ageing);
  }

  /**
   * How large a window should be of which so much was consumed since the last grant, in the time since the first of these bytes arrived.
   * That time has no waiting for the last grant in it. `leftBytes`: what the peer may still send without the next grant.
   */
  granted(
    windowBytes: number,
    consumedBytes: number,
    leftBytes: number,
    arrivedAtMs: number,
    nowMs: number,
    pingMs: number | undefined,
  ): number {
    const roundTripMs = Math.min(this.#roundTripMs, pingMs ?? Infinity);
    if (!this.#sampling) {
      this.#sampling = true;
      this.#sampledAtMs = nowMs;
      this.#toEdgeBytes = leftBytes;
    }
    if (roundTripMs === Infinity) return windowBytes;
    const productBytes = Math.ceil((consumedBytes * roundTripMs) / Math.max(nowMs - arrivedAtMs, Number.EPSILON));
    if (productBytes < windowBytes * growingUtilisation) return windowBytes;
    return Math.min(2 * productBytes, maxFactor * windowBytes);
  }
}
