// Owns what limits are to those who ask for a verdict: buckets that are charged and quotas that are counted in, all or none, and what
// is left. Knows neither where they are kept nor what they are for.
import type { QuotaCharge, QuotaVerdict } from './quotas/quota.ts';

/** A token bucket's size and speed. */
export interface Rate {
  readonly requestsPerSecond: number;
  /** Tokens of a full bucket: so many requests at once. */
  readonly burst: number;
}

/** One bucket that a request is charged to. */
export interface Charge {
  readonly level: 'global' | 'key' | 'lease' | 'tenant' | 'ip';
  /** Which of the level's buckets. */
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
  /** Index of the charge that refused; undefined: none did. */
  readonly refusedBy: number | undefined;
  /** Milliseconds until every bucket would admit the same; 0 when they do, Infinity when one never will. */
  readonly retryAfterMs: number;
  /** One for each charge, in order; perhaps none where a quota refused. */
  readonly states: readonly BucketState[];
  /** Where one was asked for. */
  readonly quota?: QuotaVerdict;
}

/** Nothing refused, and so everything is charged and counted. */
export function isAdmitted({ refusedBy, quota }: Verdict): boolean {
  return refusedBy === undefined && quota?.refusedBy === undefined;
}

export interface Limiter {
  /** Charges every bucket and counts in every quota, or none of it. Never rejects. */
  take(charges: readonly Charge[], quota?: QuotaCharge): Verdict | Promise<Verdict>;
  /** What was taken comes back: the request was never begun. */
  give(charges: readonly Charge[], quota?: QuotaCharge): void;
  /** What take() would say of the buckets, as far as this process knows: asks nobody and charges nothing. */
  peek(charges: readonly Charge[]): Verdict;
}
