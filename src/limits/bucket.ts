// Owns the arithmetic of a token bucket, kept as one number: the time at which it is full again (GCRA, ITU-T I.371 appendix: the
// theoretical arrival time). An absent bucket is a full one, so whatever is full can be forgotten. Pure.
import type { BucketState, Charge, Verdict } from './limiter.ts';

/** How long one token takes to come back, milliseconds. */
function tokenMs({ rate }: Charge): number {
  return 1000 / rate.requestsPerSecond;
}

/**
 * A bucket owes at most as much again as it holds (redis-limiter.ts, charge()): a longer debt was made at another rate, and nobody waits
 * for a limit that is no more.
 */
export function maxDebtMs(charge: Charge): number {
  return 2 * charge.rate.burst * tokenMs(charge);
}

/** Floating point: a token that is there but for the last bits is there. A thousandth of a token over a day's admissions. */
const epsilonTokens = 1e-9;

/** How long until a bucket with that debt can pay; 0: now; Infinity: never, the cost is above its size. */
function waitMs(charge: Charge, debtMs: number): number {
  const { rate, cost } = charge;
  if (cost > rate.burst) return Infinity;
  const perToken = tokenMs(charge);
  const missing = debtMs + cost * perToken - rate.burst * perToken;
  return missing <= epsilonTokens * perToken * rate.burst ? 0 : missing;
}

function stateOf(charge: Charge, debtMs: number): BucketState {
  const left = charge.rate.burst - debtMs / tokenMs(charge);
  return { remaining: Math.max(0, Math.floor(left + epsilonTokens * charge.rate.burst)), resetMs: debtMs };
}

/**
 * The verdict on all charges. `debtsMs`: of each bucket, the milliseconds from now until it is full, which is what has been taken from
 * it and has not come back; those after the verdict when it returns.
 */
export function judge(charges: readonly Charge[], debtsMs: number[]): Verdict {
  let refusedBy: number | undefined;
  let retryAfterMs = 0;
  for (let i = 0; i < charges.length; i += 1) {
    const wait = waitMs(at(charges, i), at(debtsMs, i));
    if (wait > retryAfterMs) {
      retryAfterMs = wait;
      refusedBy = i;
    }
  }
  const states: BucketState[] = [];
  for (let i = 0; i < charges.length; i += 1) {
    const charge = at(charges, i);
    const debtMs = at(debtsMs, i) + (refusedBy === undefined ? charge.cost * tokenMs(charge) : 0);
    debtsMs[i] = debtMs;
    states.push(stateOf(charge, debtMs));
  }
  return { refusedBy, retryAfterMs, states };
}

/** Within the bounds. */
function at<T>(list: readonly T[], index: number): T {
  return list[index] as T;
}
