// Owns what each key has used of its quotas, as far as this process knows: what was kept before and by others, and what it has counted
// itself. It lasts as long as its day or month; where it is kept beyond this process is quota-keeper.ts's.
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

/** What a key has used in a period. */
export interface UsageRecord {
  readonly key: string;
  readonly period: string;
  readonly used: Amounts;
}

/** All that is known to be used, and what of it is new since the changes before. */
export interface UsageChange extends UsageRecord {
  readonly added: Amounts;
}

/** A request under way that counts by itself. */
export interface Meter {
  /** Adds what it has counted since the last call to the ledger. */
  report(): void;
}

interface Counter {
  readonly key: string;
  readonly period: string;
  readonly kept: Record<keyof Amounts, number>;
  readonly own: Record<keyof Amounts, number>;
  /** What of `own` is under way to the store. */
  batched: Amounts;
}

/** Keys are configured, so there are few; this is for those that come and go by reload. About 60 MiB. */
const defaultMaxCounters = 200_000;
/** Counters looked at for each new one: enough that those of days gone by never pile up. */
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

  /** How the quotas stand. Counts nothing. */
  look({ key, quotas }: QuotaCharge): QuotaVerdict {
    const nowMs = this.#clock.wallMs();
    return judgeQuotas(this.accounts({ key, quotas }, nowMs), nowMs);
  }

  /** What a key has used, in each period that it has quotas for. */
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

  /** The same ones as they stand by now, also where their day or month is over meanwhile. */
  again(key: string, accounts: readonly Account[]): Account[] {
    return accounts.map((account) => ({ ...account, ...this.#known(key, account.period) }));
  }

  /** A request is admitted. */
  count(charge: QuotaCharge): void {
    this.add(charge, oneRequest);
  }

  /** A request that was counted was never begun. */
  give(charge: QuotaCharge): void {
    this.add(charge, oneReturned);
  }

  /** What was used is used, also beyond the quota: the next request is refused. */
  add({ key, quotas }: QuotaCharge, amounts: Amounts): void {
    const nowMs = this.#clock.wallMs();
    for (const kind of periodKinds) {
      if (quotas[kind] === undefined) continue;
      const counter = this.#counter(key, quotas.calendar.period(kind, nowMs));
      // It may be given back after midnight: never more than was counted.
      const returned = Math.min(
        amounts.returned,
        usedOf('requests', counter.kept) + usedOf('requests', counter.own) + amounts.requests,
      );
      for (const count of counts) counter.own[count] += count === 'returned' ? returned : amounts[count];
      this.#unsaved.add(counter);
    }
  }

  /** From now on, and until unwatch(), what the meter counts is known before its request is over. */
  watch(meter: Meter): void {
    this.#meters.add(meter);
  }

  unwatch(meter: Meter): void {
    this.#meters.delete(meter);
  }

  /** What was counted here since the last call, or some of it: the caller's to keep. None: there is no more. */
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

  /** The changes are in the store; `totals`: what it has of each now. */
  settle(changes: readonly UsageChange[], totals: readonly UsageRecord[]): void {
    this.learn(totals);
    for (const { key, period, added } of changes) {
      const counter = this.#counters.get(nameOf(key, period));
      if (counter === undefined) continue;
      for (const count of counts) counter.own[count] -= added[count];
      counter.batched = difference(counter.batched, added);
    }
  }

  /** What the store has. Use never shrinks: a store that has lost something does not open a quota again. */
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

  /** Forgets some of those that are over, a few each time, round and round. */
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

/** A key's name has no line break. */
function nameOf(key: string, period: string): string {
  return `${period}\n${key}`;
}

function sum(a: Amounts, b: Amounts): Amounts {
  return amountsOf((count) => a[count] + b[count]);
}

function difference(a: Amounts, b: Amounts): Amounts {
  return amountsOf((count) => a[count] - b[count]);
}
