// Limits that are shared while the store responds in time, and applied by this process alone while
// it does not. No request waits longer than the deadline, and none fails because of the store.
// Requests admitted locally are charged to the store as soon as possible, so that callers
// get a new burst only if the store lost its buckets, not when it goes away, returns or is slow.
import { codeOf } from '../kernel/reason.ts';
import type { Clock } from '../kernel/clock.ts';
import { ignore } from '../kernel/ignore.ts';
import { type BucketState, type Charge, isAdmitted, type Limiter, type Verdict } from './limiter.ts';
import type { LocalLimiter } from './local-limiter.ts';
import type { Debt } from './memory-limiter.ts';
import type { QuotaCharge } from './quotas/quota.ts';
import { type AttemptTiming, StoreAttempt } from './store-attempt.ts';
import { StoreHealth } from './store-health.ts';
import { UnsettledCharges } from './unsettled-charges.ts';

/**
 * The limits as a store keeps them. Each method rejects when the store failed; the operation may
 * have taken effect nevertheless.
 */
export interface SharedStore {
  take(charges: readonly Charge[], quota?: QuotaCharge): Promise<Verdict>;
  give(charges: readonly Charge[]): Promise<void>;
  /**
   * Charges debts admitted elsewhere, however empty the buckets are; resolves with the debt of each
   * bucket afterwards.
   */
  pay(debts: readonly Debt[]): Promise<readonly Debt[]>;
  /** Identifies the data of the store: a changed value means that it has lost its buckets. */
  epoch(): Promise<string>;
}

export interface FallbackOptions extends Partial<AttemptTiming> {
  readonly shared: SharedStore;
  /**
   * Mirrors the shared limits as this process last saw them, so that losing the store gives no
   * caller a new burst.
   */
  readonly local: LocalLimiter;
  readonly deadlines: AttemptTiming['deadlines'];
  readonly clock: Clock;
  /** Default 50 ms. */
  readonly deadlineMs?: number;
  /** Called once for each change. */
  readonly changed: (state: 'shared' | 'local', reason: string) => void;
}

const defaultDeadlineMs = 50;
/** Debts per script call: about a millisecond of work for Redis and for the event loop. */
const debtsAtOnce = 500;
/** Used when the failed request had no bucket. */
const probeCharge: Charge = { level: 'global', id: 'probe', cost: 0, rate: { requestsPerSecond: 1, burst: 1 } };

export class FallbackLimiter implements Limiter {
  readonly #options: FallbackOptions;
  readonly #timing: AttemptTiming;
  readonly #health: StoreHealth;
  readonly #unsettled: UnsettledCharges;
  /** The buckets that probes charge: those of the failed request, at no cost. */
  #probed: readonly Charge[] = [probeCharge];
  /** The epoch that this process last used, and the one that the last probe found. */
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
      // Even a slow store learns what each gateway admits, and each gateway learns from it what the
      // others admit.
      reached: () => {
        this.#settle();
      },
      restore: () => this.#restore(),
      changed: (state, reason) => {
        // Pays what was admitted while the last debts were being paid.
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
    // A lost refund never admits too many requests.
    else shared.give(charges).catch(ignore);
  }

  take(charges: readonly Charge[], quota?: QuotaCharge): Verdict | Promise<Verdict> {
    const { shared, local } = this.#options;
    // An empty question would prove nothing about the store.
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
          if (attempt.admitted) this.#unsettled.settled(charges);
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
            this.#unsettled.settled(charges);
            this.#unsettled.owe(charges);
          }
        },
      );
    });
  }

  /** The connection to the store was lost, or could not be established. */
  lost(error: unknown): void {
    this.#health.lost(reasonOf(error));
  }

  /** The store is connected, or reconnected. It is used again once its probes succeed. */
  found(): void {
    this.#health.connected();
    if (this.#health.isAway || this.#epoch !== undefined) return;
    this.#options.shared.epoch().then((epoch) => {
      this.#epoch ??= epoch;
    }, ignore);
  }

  #takeAlone(charges: readonly Charge[], quota: QuotaCharge | undefined): Verdict {
    const verdict = this.#options.local.take(charges, quota);
    if (isAdmitted(verdict)) this.#unsettled.owe(charges);
    return verdict;
  }

  /** The store does not know the unsettled charges: add them to its states. */
  #adopt(charges: readonly Charge[], states: readonly BucketState[]): void {
    const all = states.map((state, index) => {
      const charge = charges[index];
      return charge === undefined ? state : { ...state, resetMs: state.resetMs + this.#unsettled.debtMs(charge) };
    });
    this.#options.local.adopt(charges, all);
  }

  /**
   * The response came after the request was decided locally. The local decision stands, and must be
   * counted once.
   */
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

  /** Pays the store what was admitted without it. */
  async #restore(): Promise<void> {
    const { local, clock } = this.#options;
    const startedMs = clock.monotonicMs();
    for (let left = this.#unsettled.size; left > 0; left -= debtsAtOnce) await this.#pay();
    if (this.#probedEpoch === this.#epoch) return;
    // The store lost its buckets: forget the older local ones too, so that no caller is rejected by
    // local state without asking the store.
    local.forgetBucketsBefore(startedMs);
    this.#epoch = this.#probedEpoch;
  }

  #settle(): void {
    this.#pay().catch(ignore);
  }

  /** Pays some of the debts. Rejects when the store fails: the debts then stay owed. */
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

/** The error code where there is one: messages of network errors contain addresses. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return 'it failed';
  return codeOf(error) ?? error.message;
}
