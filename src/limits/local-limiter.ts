// Owns the limits as this process applies them by itself: its buckets and what it knows of quotas, asked in one call, so that nothing
// comes between the verdict and the charge.
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
    // The request that takes the last one is admitted, whatever is left after it.
    return { ...verdict, quota: { ...this.#ledger.look(quota), refusedBy: undefined } };
  }

  give(charges: readonly Charge[], quota?: QuotaCharge): void {
    this.#buckets.give(charges);
    this.giveQuota(quota);
  }

  /** The part of give() that goes to the quotas: through the ledger also what was counted elsewhere comes back. */
  giveQuota(quota: QuotaCharge | undefined): void {
    if (quota !== undefined) this.#ledger.give(quota);
  }

  peek(charges: readonly Charge[]): Verdict {
    return this.#buckets.peek(charges);
  }

  /** Makes the buckets what somebody else says they are. */
  adopt(charges: readonly Charge[], states: readonly BucketState[]): void {
    this.#buckets.adopt(charges, states);
  }

  debtMs(bucket: Bucket): number {
    return this.#buckets.debtMs(bucket);
  }

  /** As adopt(), for one bucket. */
  adoptDebt(debt: Debt): void {
    this.#buckets.set(debt);
  }

  /** Buckets that were neither charged nor adopted since then are full. */
  forgetBucketsBefore(monotonicMs: number): void {
    this.#buckets.forgetBefore(monotonicMs);
  }
}
