// The buckets of this process, in bounded memory whatever addresses and keys appear: full buckets
// are deleted, since an absent bucket is a full one. When all are in use, the fullest of a few is
// evicted, because its owner gains least.
import type { Clock } from '../kernel/clock.ts';
import { judge, maxDebtMs } from './bucket.ts';
import type { BucketState, Charge, Verdict } from './limiter.ts';

/** About 15 MiB of names and numbers. Per level: only addresses come in such numbers. */
const defaultMaxBuckets = 100_000;
/** Buckets inspected per new one: enough to keep full ones from piling up. */
const sweptForEach = 4;

interface State {
  /** Monotonic milliseconds. */
  fullAtMs: number;
  writtenMs: number;
}

/** Identifies a bucket. */
export type Bucket = Pick<Charge, 'level' | 'id'>;

export interface Debt extends Bucket {
  /** Milliseconds until the bucket is full again. */
  readonly debtMs: number;
}

export class MemoryLimiter {
  readonly #clock: Clock;
  readonly #levels: Readonly<Record<Charge['level'], Level>>;

  constructor(options: { readonly clock: Clock; readonly maxBuckets?: number }) {
    this.#clock = options.clock;
    const level = (): Level => new Level(options.maxBuckets ?? defaultMaxBuckets);
    this.#levels = { global: level(), key: level(), lease: level(), tenant: level(), ip: level() };
  }

  get buckets(): number {
    return Object.values(this.#levels).reduce((sum, { size }) => sum + size, 0);
  }

  take(charges: readonly Charge[]): Verdict {
    const nowMs = this.#clock.monotonicMs();
    const debtsMs = this.#debtsMs(charges, nowMs);
    const verdict = judge(charges, debtsMs);
    if (verdict.refusedBy === undefined) {
      for (const [i, charge] of charges.entries()) this.#of(charge).put(charge.id, nowMs + (debtsMs[i] ?? 0), nowMs);
    }
    return verdict;
  }

  /** The returned states are those after the charge, if it would be admitted. */
  peek(charges: readonly Charge[]): Verdict {
    return judge(charges, this.#debtsMs(charges, this.#clock.monotonicMs()));
  }

  /** Overwrites the buckets with the given states. */
  adopt(charges: readonly Charge[], states: readonly BucketState[]): void {
    const nowMs = this.#clock.monotonicMs();
    for (const [index, charge] of charges.entries()) {
      const resetMs = states[index]?.resetMs ?? 0;
      this.set({ level: charge.level, id: charge.id, debtMs: resetMs }, nowMs);
    }
  }

  /** Overwrites one bucket. */
  set({ level, id, debtMs }: Debt, nowMs: number = this.#clock.monotonicMs()): void {
    if (debtMs > 0) this.#levels[level].put(id, nowMs + debtMs, nowMs);
    else this.#levels[level].forget(id);
  }

  /** Milliseconds until a bucket is full. */
  debtMs({ level, id }: Bucket): number {
    return Math.max(0, (this.#levels[level].get(id)?.fullAtMs ?? 0) - this.#clock.monotonicMs());
  }

  /** Refunds charges. */
  give(charges: readonly Charge[]): void {
    for (const charge of charges) {
      const bucket = this.#of(charge).get(charge.id);
      if (bucket !== undefined) bucket.fullAtMs -= (charge.cost * 1000) / charge.rate.requestsPerSecond;
    }
  }

  /** Treats buckets that were not written since then as full. */
  forgetBefore(monotonicMs: number): void {
    for (const level of Object.values(this.#levels)) level.validFromMs = monotonicMs;
  }

  #of({ level }: Charge): Level {
    return this.#levels[level];
  }

  #debtsMs(charges: readonly Charge[], nowMs: number): number[] {
    return charges.map((charge) => {
      const bucket = this.#of(charge).get(charge.id);
      if (bucket === undefined) return 0;
      const debtMs = bucket.fullAtMs - nowMs;
      const maxMs = maxDebtMs(charge);
      if (debtMs <= maxMs) return Math.max(0, debtMs);
      bucket.fullAtMs = nowMs + maxMs;
      return maxMs;
    });
  }
}

/** The buckets of one level. */
class Level {
  /** Buckets last written before this time count as absent. */
  validFromMs = Number.NEGATIVE_INFINITY;
  readonly #maxBuckets: number;
  readonly #buckets = new Map<string, State>();
  /**
   * Cycles through the buckets, a few per new one. A Map's iterator stays valid while entries are
   * added and deleted.
   */
  #hand: Iterator<[string, State]> = this.#buckets.entries();

  constructor(maxBuckets: number) {
    this.#maxBuckets = maxBuckets;
  }

  get size(): number {
    return this.#buckets.size;
  }

  get(id: string): State | undefined {
    const bucket = this.#buckets.get(id);
    return bucket === undefined || bucket.writtenMs < this.validFromMs ? undefined : bucket;
  }

  put(id: string, fullAtMs: number, nowMs: number): void {
    const bucket = this.#buckets.get(id);
    if (bucket !== undefined) {
      bucket.fullAtMs = fullAtMs;
      bucket.writtenMs = nowMs;
      return;
    }
    this.#sweep(nowMs);
    this.#buckets.set(id, { fullAtMs, writtenMs: nowMs });
  }

  forget(id: string): void {
    this.#buckets.delete(id);
  }

  /** Evicts when there is no room for one more bucket. */
  #sweep(nowMs: number): void {
    let fullest: string | undefined;
    let itsFullAtMs = Infinity;
    for (let looked = 0; looked < sweptForEach && this.#buckets.size > 0; looked += 1) {
      const [id, { fullAtMs, writtenMs }] = this.#next();
      if (fullAtMs <= nowMs || writtenMs < this.validFromMs) this.#buckets.delete(id);
      else if (fullAtMs < itsFullAtMs) {
        fullest = id;
        itsFullAtMs = fullAtMs;
      }
    }
    if (fullest !== undefined && this.#buckets.size >= this.#maxBuckets) this.#buckets.delete(fullest);
  }

  /** Must not be called while there are no buckets. */
  #next(): [string, State] {
    let next = this.#hand.next();
    if (next.done === true) {
      this.#hand = this.#buckets.entries();
      next = this.#hand.next();
    }
    return next.value as [string, State];
  }
}
