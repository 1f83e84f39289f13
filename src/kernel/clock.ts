// Owns the notion of time that decisions are given, so that tests can own it instead.

export interface Clock {
  /** Monotonic milliseconds, for durations. */
  monotonicMs(): number;
  /** Wall clock, milliseconds since 1970, for what peers must agree on. */
  wallMs(): number;
}

export const systemClock: Clock = {
  monotonicMs: () => performance.now(),
  wallMs: () => Date.now(),
};
