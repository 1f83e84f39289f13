// Owns how long to wait before the next attempt to reach a relay. Pure: knows neither timers nor sockets.

export interface BackoffOptions {
  readonly initialMs: number;
  readonly maxMs: number;
}

// A relay that restarts is back within a few seconds: the wait grows only after these attempts, so that such an outage ends for
// us as soon as it ends for the relay. At half a second that is about 6 s; from then on the wait grows to a third of the outage.
const attemptsBeforeGrowth = 16;
const growth = 1.5;

/**
 * Milliseconds to wait after the given number of failed attempts (1 or more): between half and the whole of the current
 * step, so that clients which lost one relay together don't come back together.
 */
export function backoffMs(failedAttempts: number, options: BackoffOptions, random: () => number): number {
  const step = options.initialMs * growth ** Math.max(0, failedAttempts - attemptsBeforeGrowth);
  return Math.min(step, options.maxMs) * (0.5 + random() / 2);
}
