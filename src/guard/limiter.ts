// Owns what a rate limit is to those who ask for a verdict: charges, all taken or none, and what is left. Knows neither where buckets
// are kept nor what they are for.

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
  /** Index of the charge that refused; undefined: admitted, and all are charged. */
  readonly refusedBy: number | undefined;
  /** Milliseconds until every bucket would admit the same; 0 when admitted, Infinity when one never will. */
  readonly retryAfterMs: number;
  /** One for each charge, in order. */
  readonly states: readonly BucketState[];
}

export interface Limiter {
  /** Charges all or none. Never rejects. */
  take(charges: readonly Charge[]): Verdict | Promise<Verdict>;
  /** What take() would say, as far as this process knows: asks nobody and charges nothing. */
  peek(charges: readonly Charge[]): Verdict;
}
