// The limits as this process alone applies them: its buckets and its quota counts, in one
// synchronous call, so that nothing can happen between the verdict and the charge.
import type { BucketState, Charge, Limiter, Verdict } from './limiter.ts';
import type { Bucket, Debt, MemoryLimiter } from './memory-limiter.ts';
import type { QuotaCharge } from './quotas/quota.ts';
import type { QuotaLedger } from './quotas/quota-ledger.ts';

export class LocalLimiter implements Limiter {
  readonly #buckets: MemoryLimiter;
  readonly #ledger: QuotaLedger;

  constructor(buckets: MemoryLimiter, ledger: QuotaLedger) {
    this.#buckets = buckets;
    this.#ledger = ledger;
  }

  take(charges: readonly Charge[], quota?: QuotaCharge): Verdict {
    if (quota === undefined) return this.#buckets.take(charges);
    const before = this.#ledger.look(quota);
    if (before.refusedBy !== undefined) return { refusedBy: undefined, retryAfterMs: 0, states: [], quota: before };
    const verdict = this.#buckets.take(charges);
    if (verdict.refusedBy !== undefined) return { ...verdict, quota: before };
    this.#ledger.count(quota);
    // The request that uses up the quota is still admitted.
    return { ...verdict, quota: { ...this.#ledger.look(quota), refusedBy: undefined } };
  }

  give(charges: readonly Charge[], quota?: QuotaCharge): void {
    this.#buckets.give(charges);
    this.giveQuota(quota);
  }

  /** The quota part of give(): refunds through the ledger, also for requests counted elsewhere. */
  giveQuota(quota: QuotaCharge | undefined): void {
    if (quota !== undefined) this.#ledger.give(quota);
  }

  peek(charges: readonly Charge[]): Verdict {
    return this.#buckets.peek(charges);
  }

  /** Overwrites the buckets with the given states. */
  adopt(charges: readonly Charge[], states: readonly BucketState[]): void {
    this.#buckets.adopt(charges, states);
  }

  debtMs(bucket: Bucket): number {
    return this.#buckets.debtMs(bucket);
  }

  /** Like adopt(), for one bucket. */
  adoptDebt(debt: Debt): void {
    this.#buckets.set(debt);
  }

  /** Treats buckets that were neither charged nor adopted since then as full. */
  forgetBucketsBefore(monotonicMs: number): void {
    this.#buckets.forgetBefore(monotonicMs);
  }
}
