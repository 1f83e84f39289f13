// Measures the round trip and the rate of one stream from its own grants and bytes, and says how much larger its window should be.
// No ping: a byte beyond the edge of the window cannot arrive sooner than one round trip after the grant that allowed it.

/** A longer wait for the byte beyond the edge is the peer's pause, not the way. */
const longestRoundTripMs = 2_000;
/** An older minimum counts this much more with each new sample, so that a way that became longer is noticed. */
const ageing = 1.05;
/**
 * With half windows granted, a peer that is held back by a window of W fills W x utilisation in one round trip: 1 far below the
 * bandwidth-delay product, 0.83 at 0.4 of it, 0.6 at 1.33 of it, and 0.5 where the window holds nothing back.
 */
const fullUtilisation = 0.83;
const growingUtilisation = 0.6;

export class WindowPace {
  #roundTripMs = Infinity;
  #sampling = false;
  #sampledAtMs = 0;
  /** Until the edge before the sampled grant. */
  #toEdgeBytes = 0;
  #lastGrantAtMs = -Infinity;
  #lastBytes = 0;
  #grantBeforeAtMs = -Infinity;

  /** A Data header within the window. */
  arrived(bytes: number, nowMs: () => number): void {
    if (!this.#sampling) return;
    this.#toEdgeBytes -= bytes;
    if (this.#toEdgeBytes >= 0) return;
    this.#sampling = false;
    const sampleMs = nowMs() - this.#sampledAtMs;
    if (sampleMs <= longestRoundTripMs) this.#roundTripMs = Math.min(sampleMs, this.#roundTripMs * ageing);
  }

  /**
   * By which factor a window should grow whose peer has used it so: 4, 2, or 1 for not at all. Called at each grant, with the bytes
   * consumed since the last one and with what the peer could still send before it.
   */
  granted(
    windowBytes: number,
    consumedBytes: number,
    leftBytes: number,
    nowMs: number,
    pingMs: number | undefined,
  ): 1 | 2 | 4 {
    const roundTripMs = Math.min(this.#roundTripMs, pingMs ?? Infinity);
    // Two grants: the halves of a small window arrive close together, and then nothing for a round trip.
    const inTripBytes = ((this.#lastBytes + consumedBytes) * roundTripMs) / (nowMs - this.#grantBeforeAtMs);
    const utilisation = roundTripMs === Infinity ? 0 : inTripBytes / windowBytes;
    this.#grantBeforeAtMs = this.#lastGrantAtMs;
    this.#lastGrantAtMs = nowMs;
    this.#lastBytes = consumedBytes;
    if (!this.#sampling) {
      this.#sampling = true;
      this.#sampledAtMs = nowMs;
      this.#toEdgeBytes = leftBytes;
    }
    if (utilisation >= fullUtilisation) return 4;
    return utilisation >= growingUtilisation ? 2 : 1;
  }
}
