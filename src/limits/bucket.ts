// The arithmetic of a token bucket, stored as one number: the time at which it is full again (GCRA,
// ITU-T I.371 appendix: the theoretical arrival time). An absent bucket is a full one, so full
// buckets can be deleted. Pure. Our own, because a script in Redis does the same arithmetic, and
// one decision charges several buckets and can refund them.
import type { BucketState, Charge, Verdict } from './limiter.ts';

/** Milliseconds to refill one token. */
function tokenMs({ rate }: Charge): number {
  return 1000 / rate.requestsPerSecond;
}

/**
 * Caps the debt at two bursts, as the script in redis-scripts.ts does. A larger debt can only stem
 * from an earlier configuration, and callers should not wait out a limit that no longer exists.
 */
export function maxDebtMs(charge: Charge): number {
  return 2 * charge.rate.burst * tokenMs(charge);
}

/**
 * Tolerance for floating-point errors: a token that is missing only in the last bits counts as
 * available. Adds up to a thousandth of a token over the admissions of a day.
 */
const epsilonTokens = 1e-9;

/**
 * Milliseconds until a bucket with that debt can pay the cost; 0: now; Infinity: never, because the
 * cost exceeds the burst.
 */
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
 * Returns the verdict on all charges. `debtsMs`: for each bucket the milliseconds until it is full,
 * updated in place to the debts after the verdict.
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

/** The index must be within the bounds. */
function at<T>(list: readonly T[], index: number): T {
  return list[index] as T;
}
