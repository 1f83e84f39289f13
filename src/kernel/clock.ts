// Clock interface, so that tests can control the time. eslint.config.js lists the few other files
// that may read the system's time.

export interface Clock {
  /** Monotonic milliseconds, for durations. */
  monotonicMs(): number;
  /** Wall clock in milliseconds since 1970, for timestamps shared with peers. */
  wallMs(): number;
}

export const systemClock: Clock = {
  monotonicMs: () => performance.now(),
  wallMs: () => Date.now(),
};

/** The value of a Date field (RFC 9110 §6.6.1), by the system's clock, as Node writes its own. */
export function dateField(): string {
  return new Date().toUTCString();
}
