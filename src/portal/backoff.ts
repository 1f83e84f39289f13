// How long to wait before the next attempt to reach a relay or to publish a lease on it. Pure: no timers, no sockets.

export interface BackoffOptions {
  readonly initialMs: number;
  readonly maxMs: number;
}

// A relay that restarts is back within a few seconds: with this factor the wait is about half of the outage so far, and at most
// the initial wait more.
const growth = 1.5;

/**
 * Milliseconds to wait after the given number of failed attempts (1 or more): between half and the whole of the current
 * step, so that clients which lost one relay together don't come back together.
 */
export function backoffMs(failedAttempts: number, options: BackoffOptions, random: () => number): number {
  const step = options.initialMs * growth ** (failedAttempts - 1);
  return Math.min(step, options.maxMs) * (0.5 + random() / 2);
}
