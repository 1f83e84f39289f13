// Owns the buckets of this process. Bounded, whatever addresses and keys appear: full buckets are forgotten, since an absent one is
// full; and where all are in use, the fullest of a few, whose owner gains least by it.
import type { Clock } from '../kernel/clock.ts';
import { judge, maxDebtMs } from './bucket.ts';
import type { BucketState, Charge, Verdict } from './limiter.ts';

/** About 15 MiB of names and numbers. Of a level: only addresses come in such numbers. */
const defaultMaxBuckets = 100_000;
/** Buckets looked at for each new one: enough that the full ones never pile up. */
const sweptForEach = 4;

interface State {
  /** Monotonic milliseconds. */
  fullAtMs: number;
  writtenMs: number;
}

/** Names a bucket. */
export type Bucket = Pick<Charge, 'level' | 'id'>;

export interface Debt extends Bucket {
  /** How long the bucket takes to fill up again. */
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

  /** The states are those after the charge, where it would be taken. */
  peek(charges: readonly Charge[]): Verdict {
    return judge(charges, this.#debtsMs(charges, this.#clock.monotonicMs()));
  }

  /** Makes the buckets what somebody else says they are. */
  adopt(charges: readonly Charge[], states: readonly BucketState[]): void {
    const nowMs = this.#clock.monotonicMs();
    for (const [index, charge] of charges.entries()) {
      const resetMs = states[index]?.resetMs ?? 0;
      this.set({ level: charge.level, id: charge.id, debtMs: resetMs }, nowMs);
    }
  }

  /** Makes one bucket what somebody else says it is. */
  set({ level, id, debtMs }: Debt, nowMs: number = this.#clock.monotonicMs()): void {
    if (debtMs > 0) this.#levels[level].put(id, nowMs + debtMs, nowMs);
    else this.#levels[level].forget(id);
  }

  /** What a bucket lacks until it is full. */
  debtMs({ level, id }: Bucket): number {
    return Math.max(0, (this.#levels[level].get(id)?.fullAtMs ?? 0) - this.#clock.monotonicMs());
  }

  /** What was charged comes back: it turned out not to count. */
  give(charges: readonly Charge[]): void {
    for (const charge of charges) {
      const bucket = this.#of(charge).get(charge.id);
      if (bucket !== undefined) bucket.fullAtMs -= (charge.cost * 1000) / charge.rate.requestsPerSecond;
    }
  }

  /** Buckets that were not written since then are full. */
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
  /** Buckets that were written before are forgotten. */
  validFromMs = Number.NEGATIVE_INFINITY;
  readonly #maxBuckets: number;
  readonly #buckets = new Map<string, State>();
  /** Goes round and round them, a few with each new one. A Map's iterator stands whatever is added and deleted meanwhile. */
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

  /** Makes room for one more, where it is needed. */
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

  /** There is one. */
  #next(): [string, State] {
    let next = this.#hand.next();
    if (next.done === true) {
      this.#hand = this.#buckets.entries();
      next = this.#hand.next();
    }
    return next.value as [string, State];
  }
}
