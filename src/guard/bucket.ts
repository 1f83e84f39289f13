// Owns the arithmetic of a token bucket, kept as one number: the time at which it is full again (GCRA, ITU-T I.371 appendix: the
// theoretical arrival time). An absent bucket is a full one, so whatever is full can be forgotten. Pure.
import type { BucketState, Charge, Verdict } from './limiter.ts';

/** How long one token takes to come back, milliseconds. */
function tokenMs({ rate }: Charge): number {
  return 1000 / rate.requestsPerSecond;
}

/** Milliseconds from now until the bucket is full: what has been taken from it and not come back. */
function debtMs(fullAtMs: number | undefined, nowMs: number): number {
  return fullAtMs === undefined ? 0 : Math.max(0, fullAtMs - nowMs);
}

/** Floating point: a token that is there but for the last bits is there. A thousandth of a token over a day's admissions. */
const epsilonTokens = 1e-9;

/** How long until the bucket can pay; 0: now; Infinity: never, the cost is above its size. */
function waitMs(charge: Charge, fullAtMs: number | undefined, nowMs: number): number {
  const { rate, cost } = charge;
  if (cost > rate.burst) return Infinity;
  const perToken = tokenMs(charge);
  const missing = debtMs(fullAtMs, nowMs) + cost * perToken - rate.burst * perToken;
  return missing <= epsilonTokens * perToken * rate.burst ? 0 : missing;
}

/** The new number of a bucket that has paid. */
function charged(charge: Charge, fullAtMs: number | undefined, nowMs: number): number {
  return nowMs + debtMs(fullAtMs, nowMs) + charge.cost * tokenMs(charge);
}

function stateOf(charge: Charge, fullAtMs: number | undefined, nowMs: number): BucketState {
  const debt = debtMs(fullAtMs, nowMs);
  const left = charge.rate.burst - debt / tokenMs(charge);
  return { remaining: Math.max(0, Math.floor(left + epsilonTokens * charge.rate.burst)), resetMs: debt };
}

/** The verdict on all charges, given what each bucket's number is now. `pay` is called for each once all can. */
export function judge(
  charges: readonly Charge[],
  fullAtMs: (index: number) => number | undefined,
  nowMs: number,
  pay: (index: number, fullAtMs: number) => void,
): Verdict {
  let refusedBy: number | undefined;
  let retryAfterMs = 0;
  for (const [index, charge] of charges.entries()) {
    const wait = waitMs(charge, fullAtMs(index), nowMs);
    if (wait > retryAfterMs) {
      retryAfterMs = wait;
      refusedBy = index;
    }
  }
  const states = charges.map((charge, index) => {
    let number = fullAtMs(index);
    if (refusedBy === undefined) {
      number = charged(charge, number, nowMs);
      pay(index, number);
    }
    return stateOf(charge, number, nowMs);
  });
  return { refusedBy, retryAfterMs, states };
}
