// Owns how long to wait before the next attempt to reach a relay. Pure: knows neither timers nor sockets.

export interface BackoffOptions {
  readonly initialMs: number;
  readonly maxMs: number;
}

// A relay that restarts is back within a second or two: the wait grows only after these attempts, so that a short outage
// ends for us as soon as it ends for the relay.
const attemptsBeforeGrowth = 4;
const growth = 1.5;

/**
 * Milliseconds to wait after the given number of failed attempts (1 or more): between half and the whole of the current
 * step, so that clients which lost one relay together don't come back together.
 */
export function backoffMs(failedAttempts: number, options: BackoffOptions, random: () => number): number {
  const step = options.initialMs * growth ** Math.max(0, failedAttempts - attemptsBeforeGrowth);
  return Math.min(step, options.maxMs) * (0.5 + random() / 2);
}
