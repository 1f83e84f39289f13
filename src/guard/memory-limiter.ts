// Owns the buckets of this process. Bounded, whatever addresses and keys appear: full buckets are forgotten, since an absent one is
// full; and where all are in use, the one longest untouched, which is the nearest to full.
import type { Clock } from '../kernel/clock.ts';
import { judge } from './bucket.ts';
import type { BucketState, Charge, Verdict } from './limiter.ts';

/** About 15 MiB of names and numbers. */
const defaultMaxBuckets = 100_000;
/** Buckets looked at for each new one: enough that the full ones never pile up. */
const sweptForEach = 4;

export class MemoryLimiter {
  readonly #clock: Clock;
  readonly #maxBuckets: number;
  /** Name -> when it is full, monotonic milliseconds. In the order of the last charge, the oldest first. */
  readonly #fullAtMs = new Map<string, number>();

  constructor(options: { readonly clock: Clock; readonly maxBuckets?: number }) {
    this.#clock = options.clock;
    this.#maxBuckets = options.maxBuckets ?? defaultMaxBuckets;
  }

  get buckets(): number {
    return this.#fullAtMs.size;
  }

  take(charges: readonly Charge[]): Verdict {
    const nowMs = this.#clock.monotonicMs();
    const names = charges.map(bucketName);
    return judge(
      charges,
      (index) => this.#fullAtMs.get(names[index] ?? ''),
      nowMs,
      (index, fullAtMs) => {
        this.#put(names[index] ?? '', fullAtMs, nowMs);
      },
    );
  }

  /** The states are those after the charge, where it would be taken. */
  peek(charges: readonly Charge[]): Verdict {
    const nowMs = this.#clock.monotonicMs();
    const fullAtMs = (index: number): number | undefined => {
      const charge = charges[index];
      return charge === undefined ? undefined : this.#fullAtMs.get(bucketName(charge));
    };
    return judge(charges, fullAtMs, nowMs, () => undefined);
  }

  /** Makes the buckets what somebody else says they are. */
  adopt(charges: readonly Charge[], states: readonly BucketState[]): void {
    const nowMs = this.#clock.monotonicMs();
    for (const [index, charge] of charges.entries()) {
      const resetMs = states[index]?.resetMs ?? 0;
      if (resetMs > 0) this.#put(bucketName(charge), nowMs + resetMs, nowMs);
      else this.#fullAtMs.delete(bucketName(charge));
    }
  }

  /** What was charged comes back: it turned out not to count. */
  give(charges: readonly Charge[]): void {
    for (const charge of charges) {
      const name = bucketName(charge);
      const fullAtMs = this.#fullAtMs.get(name);
      if (fullAtMs !== undefined)
        this.#fullAtMs.set(name, fullAtMs - (charge.cost * 1000) / charge.rate.requestsPerSecond);
    }
  }

  #put(name: string, fullAtMs: number, nowMs: number): void {
    const buckets = this.#fullAtMs;
    // Behind all others: the order is the order of use.
    buckets.delete(name);
    buckets.set(name, fullAtMs);
    let looked = 0;
    for (const [oldest, itsFullAtMs] of buckets) {
      if (itsFullAtMs <= nowMs || buckets.size > this.#maxBuckets) buckets.delete(oldest);
      looked += 1;
      if (looked >= sweptForEach) break;
    }
  }
}

/** Levels share one map; their names can't meet. */
export function bucketName({ level, id }: Charge): string {
  return `${level}:${id}`;
}
