// The quota usage of each key, as far as this process knows: the persisted usage, also of other
// gateways, and its own counts. Counters last as long as their day or month; quota-keeper.ts
// persists them.
import type { Clock } from '../../kernel/clock.ts';
import { type Period, periodKinds } from './quota-calendar.ts';
import {
  type Account,
  type Amounts,
  amountsOf,
  counts,
  judgeQuotas,
  none,
  type QuotaCharge,
  type QuotaVerdict,
  usedOf,
} from './quota.ts';

/** Usage of a key in a period. */
export interface UsageRecord {
  readonly key: string;
  readonly period: string;
  readonly used: Amounts;
}

/** The total known usage, and what was added since the previous changes. */
export interface UsageChange extends UsageRecord {
  readonly added: Amounts;
}

/** A running request that counts its own usage. */
export interface Meter {
  /** Adds its usage since the last call to the ledger. */
  report(): void;
}

interface Counter {
  readonly key: string;
  readonly period: string;
  readonly kept: Record<keyof Amounts, number>;
  readonly own: Record<keyof Amounts, number>;
  /** The part of `own` that is being written to the store. */
  batched: Amounts;
}

/**
 * Keys are configured, so there are few; the limit is for keys that come and go by reload. About 60
 * MiB.
 */
const defaultMaxCounters = 200_000;
/** Counters inspected per new one: enough to keep those of past days from piling up. */
const sweptForEach = 8;

const oneRequest: Amounts = { ...none, requests: 1 };
const oneReturned: Amounts = { ...none, returned: 1 };

export class QuotaLedger {
  readonly #clock: Clock;
  readonly #maxCounters: number;
  readonly #counters = new Map<string, Counter>();
  readonly #unsaved = new Set<Counter>();
  readonly #meters = new Set<Meter>();

  constructor(options: { readonly clock: Clock; readonly maxCounters?: number }) {
    this.#clock = options.clock;
    this.#maxCounters = options.maxCounters ?? defaultMaxCounters;
  }

  get counters(): number {
    return this.#counters.size;
  }

  /** The current state of the quotas. Counts nothing. */
  look({ key, quotas }: QuotaCharge): QuotaVerdict {
    const nowMs = this.#clock.wallMs();
    return judgeQuotas(this.accounts({ key, quotas }, nowMs), nowMs);
  }

  /** The usage of a key, in each period that it has quotas for. */
  accounts({ key, quotas }: QuotaCharge, nowMs: number): Account[] {
    const accounts: Account[] = [];
    for (const kind of periodKinds) {
      const limits = quotas[kind];
      if (limits === undefined) continue;
      const period = quotas.calendar.period(kind, nowMs);
      accounts.push({ kind, period, limits, ...this.#known(key, period) });
    }
    return accounts;
  }

  /** The same accounts with current usage, even when their day or month is over by now. */
  again(key: string, accounts: readonly Account[]): Account[] {
    return accounts.map((account) => ({ ...account, ...this.#known(key, account.period) }));
  }

  /** Counts an admitted request. */
  count(charge: QuotaCharge): void {
    this.add(charge, oneRequest);
  }

  /** Refunds a counted request that was never started. */
  give(charge: QuotaCharge): void {
    this.add(charge, oneReturned);
  }

  /** Adds usage, even beyond the quota: only the next request is rejected. */
  add({ key, quotas }: QuotaCharge, amounts: Amounts): void {
    const nowMs = this.#clock.wallMs();
    for (const kind of periodKinds) {
      if (quotas[kind] === undefined) continue;
      const counter = this.#counter(key, quotas.calendar.period(kind, nowMs));
      // The refund may come after midnight: never refund more than was counted in the period.
      const returned = Math.min(
        amounts.returned,
        usedOf('requests', counter.kept) + usedOf('requests', counter.own) + amounts.requests,
      );
      for (const count of counts) counter.own[count] += count === 'returned' ? returned : amounts[count];
      this.#unsaved.add(counter);
    }
  }

  /** Until unwatch(), usage of the meter is reported before its request is over. */
  watch(meter: Meter): void {
    this.#meters.add(meter);
  }

  unwatch(meter: Meter): void {
    this.#meters.delete(meter);
  }

  /**
   * Returns what was counted here since the last call, up to `most` changes; the caller must
   * persist them. Empty when there is nothing more.
   */
  changes(most: number): UsageChange[] {
    for (const meter of this.#meters) meter.report();
    const changes: UsageChange[] = [];
    for (const counter of this.#unsaved) {
      if (changes.length >= most) break;
      const { key, period, kept, own, batched } = counter;
      changes.push({ key, period, used: sum(kept, own), added: difference(own, batched) });
      counter.batched = { ...own };
      this.#unsaved.delete(counter);
    }
    return changes;
  }

  /** Confirms that the changes are in the store; `totals`: the store's new totals. */
  settle(changes: readonly UsageChange[], totals: readonly UsageRecord[]): void {
    this.learn(totals);
    for (const { key, period, added } of changes) {
      const counter = this.#counters.get(nameOf(key, period));
      if (counter === undefined) continue;
      for (const count of counts) counter.own[count] -= added[count];
      counter.batched = difference(counter.batched, added);
    }
  }

  /**
   * Adopts the totals of the store. Usage never decreases: a store that lost data does not reopen a
   * quota.
   */
  learn(totals: readonly UsageRecord[]): void {
    for (const { key, period, used } of totals) {
      const { kept } = this.#named(key, period);
      for (const count of counts) kept[count] = Math.max(kept[count], used[count]);
    }
  }

  #known(key: string, period: Period): Pick<Account, 'kept' | 'own'> {
    const { kept = none, own = none } = this.#counters.get(nameOf(key, period.id)) ?? {};
    return { kept, own };
  }

  #counter(key: string, period: Period): Counter {
    return this.#counters.get(nameOf(key, period.id)) ?? this.#named(key, period.id);
  }

  #named(key: string, period: string): Counter {
    const name = nameOf(key, period);
    let counter = this.#counters.get(name);
    if (counter === undefined) {
      counter = { key, period, kept: { ...none }, own: { ...none }, batched: none };
      this.#counters.set(name, counter);
      this.#sweep(period);
    }
    return counter;
  }

  /** Deletes counters of past periods, a few per call, in turn. */
  #sweep(current: string): void {
    let looked = 0;
    for (const [name, counter] of this.#counters) {
      const over = counter.period.length === current.length && counter.period < current;
      const crowded = this.#counters.size > this.#maxCounters;
      this.#counters.delete(name);
      if (over || crowded) this.#unsaved.delete(counter);
      else this.#counters.set(name, counter);
      looked += 1;
      if (looked >= sweptForEach) break;
    }
  }
}

/** Key names contain no line break. */
function nameOf(key: string, period: string): string {
  return `${period}\n${key}`;
}

function sum(a: Amounts, b: Amounts): Amounts {
  return amountsOf((count) => a[count] + b[count]);
}

function difference(a: Amounts, b: Amounts): Amounts {
  return amountsOf((count) => a[count] - b[count]);
}
