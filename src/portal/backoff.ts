// The backoff before the next attempt to connect to a relay or to publish a lease on it. Pure: no
// timers, no sockets.

export interface BackoffOptions {
  readonly initialMs: number;
  readonly maxMs: number;
}

// A restarting relay is back within a few seconds. With this factor the delay is about half of the
// outage so far, plus at most the initial delay.
const growth = 1.5;

/**
 * Milliseconds to wait after the given number of failed attempts (1 or more): between half and all
 * of the current step, so that clients that lost a relay together do not reconnect together.
 */
export function backoffMs(failedAttempts: number, options: BackoffOptions, random: () => number): number {
  const step = options.initialMs * growth ** (failedAttempts - 1);
  return Math.min(step, options.maxMs) * (0.5 + random() / 2);
}
