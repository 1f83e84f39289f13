// The interface of rate limiters and their verdicts: a request charges all of its buckets and
// quotas, or none. Depends neither on where they are stored nor on what they limit.
import type { QuotaCharge, QuotaVerdict } from './quotas/quota.ts';

/** Size and speed of a token bucket. */
export interface Rate {
  readonly requestsPerSecond: number;
  /** Tokens of a full bucket, the number of requests that may come at once. */
  readonly burst: number;
}

/** One bucket that a request is charged to. */
export interface Charge {
  readonly level: 'global' | 'key' | 'lease' | 'tenant' | 'ip';
  /** Identifies the bucket within its level. */
  readonly id: string;
  readonly rate: Rate;
  /** Tokens. */
  readonly cost: number;
}

/** A bucket after the verdict. */
export interface BucketState {
  /** Whole tokens left. */
  readonly remaining: number;
  /** Milliseconds until it is full again. */
  readonly resetMs: number;
}

export interface Verdict {
  /** Index of the charge that was rejected; undefined when none was. */
  readonly refusedBy: number | undefined;
  /**
   * Milliseconds until every bucket would admit the same charges; 0 when they do, Infinity when one
   * never will.
   */
  readonly retryAfterMs: number;
  /** One per charge, in order; may be empty when a quota rejected the request. */
  readonly states: readonly BucketState[];
  /** Present when quotas were charged. */
  readonly quota?: QuotaVerdict;
}

/** Nothing rejected the request, so everything has been charged and counted. */
export function isAdmitted({ refusedBy, quota }: Verdict): boolean {
  return refusedBy === undefined && quota?.refusedBy === undefined;
}

export interface Limiter {
  /** Charges every bucket and every quota, or none of them. Never rejects. */
  take(charges: readonly Charge[], quota?: QuotaCharge): Verdict | Promise<Verdict>;
  /** Refunds a request that was never started. */
  give(charges: readonly Charge[], quota?: QuotaCharge): void;
  /**
   * The verdict of take() on the buckets, as far as this process knows. Asks no store and charges
   * nothing.
   */
  peek(charges: readonly Charge[]): Verdict;
}
