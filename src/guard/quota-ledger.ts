// Owns what each key has used of its quotas, and whether one more request is within them: pure decisions, the clock injected. What was
// used is kept for as long as its day or month lasts; where it is kept beyond this process is quota-keeper.ts's.
import type { Clock } from '../kernel/clock.ts';
import { type Period, type PeriodKind, periodKinds, type QuotaCalendar } from './quota-calendar.ts';

export type Resource = 'requests' | 'bytes' | 'llmTokens';
export type Amounts = Readonly<Record<Resource, number>>;
/** What is not named is not limited. */
export type QuotaLimits = Readonly<Partial<Record<Resource, number | undefined>>>;

export const resources: readonly Resource[] = ['requests', 'bytes', 'llmTokens'];

/** The quotas of one key. */
export interface KeyQuotas {
  readonly calendar: QuotaCalendar;
  readonly daily: QuotaLimits | undefined;
  readonly monthly: QuotaLimits | undefined;
}

/** One quota after the verdict. */
export interface QuotaState {
  readonly kind: PeriodKind;
  readonly resource: Resource;
  readonly limit: number;
  readonly remaining: number;
  readonly windowMs: number;
  readonly resetMs: number;
}

export interface QuotaVerdict {
  /** The one that is used up for longest; undefined: admitted, and the request is counted in all of them. */
  readonly refusedBy: QuotaState | undefined;
  readonly states: readonly QuotaState[];
}

/** What a key has used in a period. */
export interface UsageRecord {
  readonly key: string;
  readonly period: string;
  readonly used: Amounts;
}

/** The same, and what of it is new since the changes before. */
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
  used: Record<Resource, number>;
  unsaved: Record<Resource, number>;
}

/** Keys are configured, so there are few; this is for those that come and go by reload. About 40 MiB. */
const defaultMaxCounters = 200_000;
/** Counters looked at for each new one: enough that those of days gone by never pile up. */
const sweptForEach = 8;

const none: Amounts = { requests: 0, bytes: 0, llmTokens: 0 };
const oneRequest: Amounts = { ...none, requests: 1 };
const oneRequestLess: Amounts = { ...none, requests: -1 };

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

  /** Counts a request in every quota of the key, or in none. */
  take(key: string, quotas: KeyQuotas): QuotaVerdict {
    const before = this.states(key, quotas);
    const refusedBy = longest(before.filter(isUsedUp));
    if (refusedBy !== undefined) return { refusedBy, states: before };
    this.add(key, quotas, oneRequest);
    return { refusedBy, states: this.states(key, quotas) };
  }

  /** Every quota of the key as it stands. */
  states(key: string, quotas: KeyQuotas): QuotaState[] {
    const nowMs = this.#clock.wallMs();
    const states: QuotaState[] = [];
    for (const kind of periodKinds) {
      const limits = quotas[kind];
      if (limits === undefined) continue;
      const { id, startMs, endMs } = quotas.calendar.period(kind, nowMs);
      const used = this.#counters.get(nameOf(key, id))?.used ?? none;
      for (const resource of resources) {
        const limit = limits[resource];
        if (limit === undefined) continue;
        const remaining = Math.max(0, limit - used[resource]);
        states.push({ kind, resource, limit, remaining, windowMs: endMs - startMs, resetMs: endMs - nowMs });
      }
    }
    return states;
  }

  /** A request that was counted was not admitted after all. */
  give(key: string, quotas: KeyQuotas): void {
    this.add(key, quotas, oneRequestLess);
  }

  /** What was used is used, also beyond the quota: the next request is refused. */
  add(key: string, quotas: KeyQuotas, amounts: Amounts): void {
    const nowMs = this.#clock.wallMs();
    for (const kind of periodKinds) {
      if (quotas[kind] === undefined) continue;
      const counter = this.#counter(key, quotas.calendar.period(kind, nowMs));
      for (const resource of resources) {
        // Never below nothing: a request may be given back after midnight.
        const added = Math.max(amounts[resource], -counter.used[resource]);
        counter.used[resource] += added;
        counter.unsaved[resource] += added;
      }
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

  /** What was used since the last call, or some of it: the caller's to keep. None: there is no more. */
  changes(most: number): UsageChange[] {
    for (const meter of this.#meters) meter.report();
    const changes: UsageChange[] = [];
    for (const counter of this.#unsaved) {
      if (changes.length >= most) break;
      const { key, period, used, unsaved } = counter;
      changes.push({ key, period, used: { ...used }, added: unsaved });
      counter.unsaved = { ...none };
      this.#unsaved.delete(counter);
    }
    return changes;
  }

  /**
   * What was kept, by this process before or by others: what is counted here and not yet among it comes on top. Use never shrinks: a
   * store that has lost something does not open a quota again.
   */
  merge(records: readonly UsageRecord[]): void {
    for (const { key, period, used } of records) {
      const counter = this.#named(key, period);
      for (const resource of resources) {
        counter.used[resource] = Math.max(counter.used[resource], used[resource] + counter.unsaved[resource]);
      }
    }
  }

  #counter(key: string, period: Period): Counter {
    return this.#counters.get(nameOf(key, period.id)) ?? this.#named(key, period.id);
  }

  #named(key: string, period: string): Counter {
    const name = nameOf(key, period);
    let counter = this.#counters.get(name);
    if (counter === undefined) {
      counter = { key, period, used: { ...none }, unsaved: { ...none } };
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

function isUsedUp({ remaining }: QuotaState): boolean {
  return remaining === 0;
}

function longest(states: readonly QuotaState[]): QuotaState | undefined {
  return states.reduce<QuotaState | undefined>(
    (found, state) => (found === undefined || state.resetMs > found.resetMs ? state : found),
    undefined,
  );
}
