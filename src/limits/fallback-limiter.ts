// Limits that are shared while the store responds in time, and applied by this process alone while it does not. No request waits longer
// than the deadline, and none fails because of the store. What this process admits by itself is charged to the store once that is
// possible, so that no loss, return or delay is a new burst; only a store that forgot its buckets gives one.
import type { Clock } from '../kernel/clock.ts';
import { type BucketState, type Charge, isAdmitted, type Limiter, type Verdict } from './limiter.ts';
import type { LocalLimiter } from './local-limiter.ts';
import type { Debt } from './memory-limiter.ts';
import type { QuotaCharge } from './quotas/quota.ts';
import { type AttemptTiming, StoreAttempt } from './store-attempt.ts';
import { StoreHealth } from './store-health.ts';
import { UnsettledCharges } from './unsettled-charges.ts';

/** The limits as a store keeps them. Each method rejects when the store can't do it; it may have done it all the same. */
export interface SharedStore {
  take(charges: readonly Charge[], quota?: QuotaCharge): Promise<Verdict>;
  give(charges: readonly Charge[]): Promise<void>;
  /** Charges what was admitted elsewhere, whatever is left; resolves with what each bucket lacks then. */
  pay(debts: readonly Debt[]): Promise<readonly Debt[]>;
  /** Names what the store remembers: another name than before means that it has forgotten its buckets. */
  epoch(): Promise<string>;
}

export interface FallbackOptions extends Partial<AttemptTiming> {
  readonly shared: SharedStore;
  /** Kept like the shared limits as this process last saw them, so that their loss is no new burst for anybody. */
  readonly local: LocalLimiter;
  readonly deadlines: AttemptTiming['deadlines'];
  readonly clock: Clock;
  /** Default 50 ms. */
  readonly deadlineMs?: number;
  /** Called once for each change. */
  readonly changed: (state: 'shared' | 'local', reason: string) => void;
}

const defaultDeadlineMs = 50;
/** Debts in one script: Redis and the loop are busy with them for about a millisecond. */
const debtsAtOnce = 500;
/** Where the request that failed had no bucket. */
const probeCharge: Charge = { level: 'global', id: 'probe', cost: 0, rate: { requestsPerSecond: 1, burst: 1 } };

export class FallbackLimiter implements Limiter {
  readonly #options: FallbackOptions;
  readonly #timing: AttemptTiming;
  readonly #health: StoreHealth;
  readonly #unsettled: UnsettledCharges;
  /** As probes charge it: the buckets of the request that failed, at no cost. */
  #probed: readonly Charge[] = [probeCharge];
  /** Of the store as this process last used it, and as a probe last found it. */
  #epoch: string | undefined = undefined;
  #probedEpoch: string | undefined = undefined;

  constructor(options: FallbackOptions) {
    const { deadlines, deadlineMs = defaultDeadlineMs, defer, clock } = options;
    this.#options = options;
    this.#timing = { deadlines, deadlineMs, ...(defer !== undefined && { defer }) };
    this.#unsettled = new UnsettledCharges({ localDebtMs: (bucket) => options.local.debtMs(bucket) });
    this.#health = new StoreHealth({
      ...{ timing: this.#timing, clock },
      probe: () => this.#probe(),
      // A store that is only slow learns what each gateway admits, and each gateway learns from it what the others do.
      reached: () => {
        this.#settle();
      },
      restore: () => this.#restore(),
      changed: (state, reason) => {
        // What was admitted while the last debts were paid.
        if (state === 'shared') this.#settle();
        options.changed(state, reason);
      },
    });
  }

  get shared(): boolean {
    return !this.#health.isAway;
  }

  peek(charges: readonly Charge[]): Verdict {
    return this.#options.local.peek(charges);
  }

  give(charges: readonly Charge[], quota?: QuotaCharge): void {
    const { shared, local } = this.#options;
    local.give(charges, quota);
    if (this.#health.isAway) this.#unsettled.refund(charges);
    // A refund that is lost is never too much for the app.
    else shared.give(charges).catch(() => undefined);
  }

  take(charges: readonly Charge[], quota?: QuotaCharge): Verdict | Promise<Verdict> {
    const { shared, local } = this.#options;
    // A question about nothing would say nothing about the store either.
    if (charges.length === 0 && quota === undefined) return local.take(charges);
    if (this.#health.isAway) return this.#takeAlone(charges, quota);
    return new Promise((resolve) => {
      const attempt = new StoreAttempt(this.#timing, () => {
        this.#health.late(attempt.sentMs);
        const verdict = local.take(charges, quota);
        attempt.admitted = isAdmitted(verdict);
        if (attempt.admitted) this.#unsettled.sent(charges);
        resolve(verdict);
      });
      shared.take(charges, quota).then(
        (verdict) => {
          const inTime = attempt.decide();
          if (inTime) this.#health.inTime();
          if (attempt.admitted) this.#unsettled.answered(charges);
          this.#adopt(charges, verdict.states);
          if (inTime) resolve(verdict);
          else this.#reconcile(charges, quota, attempt.admitted, isAdmitted(verdict));
        },
        (error: unknown) => {
          const isOpen = attempt.decide();
          if (!this.#health.isAway) this.#probed = charges.length === 0 ? [probeCharge] : charges.map(free);
          this.#health.lost(reasonOf(error));
          if (isOpen) resolve(this.#takeAlone(charges, quota));
          else if (attempt.admitted) {
            this.#unsettled.answered(charges);
            this.#unsettled.owe(charges);
          }
        },
      );
    });
  }

  /** The connection to the store is gone, or did not come about. */
  lost(error: unknown): void {
    this.#health.lost(reasonOf(error));
  }

  /** There is a connection, or one again. The store is used again once it has proved itself. */
  found(): void {
    this.#health.connected();
    if (this.#health.isAway || this.#epoch !== undefined) return;
    this.#options.shared.epoch().then(
      (epoch) => {
        this.#epoch ??= epoch;
      },
      () => undefined,
    );
  }

  #takeAlone(charges: readonly Charge[], quota: QuotaCharge | undefined): Verdict {
    const verdict = this.#options.local.take(charges, quota);
    if (isAdmitted(verdict)) this.#unsettled.owe(charges);
    return verdict;
  }

  /** The store does not know what is unsettled. */
  #adopt(charges: readonly Charge[], states: readonly BucketState[]): void {
    const all = states.map((state, index) => {
      const charge = charges[index];
      return charge === undefined ? state : { ...state, resetMs: state.resetMs + this.#unsettled.debtMs(charge) };
    });
    this.#options.local.adopt(charges, all);
  }

  /** The response came after the request was decided here: that decision counts, and counts once. */
  #reconcile(charges: readonly Charge[], quota: QuotaCharge | undefined, here: boolean, there: boolean): void {
    if (here && there) this.#options.local.giveQuota(quota);
    else if (there) this.give(charges, quota);
    else if (here) {
      this.#unsettled.owe(charges);
      this.#settle();
    }
  }

  async #probe(): Promise<void> {
    const { shared } = this.#options;
    const [, epoch] = await Promise.all([shared.take(this.#probed), shared.epoch()]);
    this.#probedEpoch = epoch;
  }

  /** Pays to the store what was admitted without it. */
  async #restore(): Promise<void> {
    const { local, clock } = this.#options;
    const startedMs = clock.monotonicMs();
    for (let left = this.#unsettled.size; left > 0; left -= debtsAtOnce) await this.#pay();
    if (this.#probedEpoch === this.#epoch) return;
    // It has forgotten, and nobody is refused unasked for what was known here before.
    local.forgetBucketsBefore(startedMs);
    this.#epoch = this.#probedEpoch;
  }

  #settle(): void {
    this.#pay().catch(() => undefined);
  }

  /** Pays some of the debts. Rejects when the store can't take them: they stay owed. */
  async #pay(): Promise<void> {
    const { shared, local } = this.#options;
    const debts = this.#unsettled.begin(debtsAtOnce);
    if (debts.length === 0) return;
    try {
      const after = await shared.pay(debts);
      this.#unsettled.paid(debts);
      for (const debt of after) local.adoptDebt({ ...debt, debtMs: debt.debtMs + this.#unsettled.debtMs(debt) });
    } catch (error) {
      this.#unsettled.failed(debts);
      throw error;
    }
  }
}

function free(charge: Charge): Charge {
  return { ...charge, cost: 0 };
}

/** The code where there is one: messages of the network name addresses. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return 'it failed';
  return 'code' in error && typeof error.code === 'string' ? error.code : error.message;
}
