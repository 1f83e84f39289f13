// Charges that this process admitted by itself and the shared store does not have yet: they are paid to it as soon as it takes them.
// Until then they count in every state that the store reports.
import type { Charge } from './limiter.ts';
import type { Bucket, Debt } from './memory-limiter.ts';

export interface UnsettledOptions {
  /** What this process knows a bucket to lack. A bucket that has filled up again owes nothing. */
  readonly localDebtMs: (bucket: Bucket) => number;
  readonly maxBuckets?: number;
}

const defaultMaxBuckets = 100_000;
/** Buckets looked at for each new one: enough that those which have filled up again never pile up. */
const sweptForEach = 4;
/** Floating point: less than this is nothing. */
const leastMs = 1e-6;

export class UnsettledCharges {
  readonly #localDebtMs: (bucket: Bucket) => number;
  readonly #maxBuckets: number;
  readonly #owed = new Map<string, Debt>();
  /** Milliseconds by bucket of what is on its way to the store. Bounded by the commands that may be in flight. */
  readonly #inFlight = new Map<string, number>();

  constructor(options: UnsettledOptions) {
    this.#localDebtMs = options.localDebtMs;
    this.#maxBuckets = options.maxBuckets ?? defaultMaxBuckets;
  }

  /** Buckets that are owed to. */
  get size(): number {
    return this.#owed.size;
  }

  /** Admitted, while the store has the same question and will answer it late. */
  sent(charges: readonly Charge[]): void {
    for (const charge of charges) this.#send(charge, debtMsOf(charge));
  }

  /** The store has answered the question. */
  answered(charges: readonly Charge[]): void {
    for (const charge of charges) this.#send(charge, -debtMsOf(charge));
  }

  /** Admitted, and unknown to the store. */
  owe(charges: readonly Charge[]): void {
    for (const charge of charges) this.#add(charge, debtMsOf(charge));
  }

  /** Admitted, and then refunded before the store knew. */
  refund(charges: readonly Charge[]): void {
    for (const charge of charges) if (this.#owed.has(nameOf(charge))) this.#add(charge, -debtMsOf(charge));
  }

  /** What the store does not know of a bucket, as milliseconds until it is full. */
  debtMs(bucket: Bucket): number {
    const name = nameOf(bucket);
    return (this.#owed.get(name)?.debtMs ?? 0) + (this.#inFlight.get(name) ?? 0);
  }

  /** Debts to pay, of at most so many buckets. One of paid() and failed() must follow. */
  begin(most: number): Debt[] {
    const debts: Debt[] = [];
    let left = most;
    for (const [name, { level, id, debtMs }] of this.#owed) {
      if (left <= 0) break;
      left -= 1;
      this.#owed.delete(name);
      // After an outage of an hour a caller owes no more than the bucket has not regained.
      const due = { level, id, debtMs: Math.min(debtMs, this.#localDebtMs({ level, id })) };
      if (due.debtMs > leastMs) debts.push(due);
    }
    for (const debt of debts) this.#send(debt, debt.debtMs);
    return debts;
  }

  /** The store has charged them. */
  paid(debts: readonly Debt[]): void {
    for (const debt of debts) this.#send(debt, -debt.debtMs);
  }

  /** The store may have charged them or not: they stay owed. */
  failed(debts: readonly Debt[]): void {
    for (const debt of debts) {
      this.#send(debt, -debt.debtMs);
      this.#add(debt, debt.debtMs);
    }
  }

  #send(bucket: Bucket, ms: number): void {
    const name = nameOf(bucket);
    const sumMs = (this.#inFlight.get(name) ?? 0) + ms;
    if (sumMs > leastMs) this.#inFlight.set(name, sumMs);
    else this.#inFlight.delete(name);
  }

  #add({ level, id }: Bucket, ms: number): void {
    const name = nameOf({ level, id });
    const before = this.#owed.get(name);
    const debtMs = (before?.debtMs ?? 0) + ms;
    if (debtMs <= leastMs) {
      this.#owed.delete(name);
      return;
    }
    if (before === undefined) this.#sweep();
    this.#owed.set(name, { level, id, debtMs });
  }

  /** Looks at a few, round and round; where all owe and there is no room, the one looked at longest ago is forgiven. */
  #sweep(): void {
    let looked = 0;
    for (const [name, debt] of this.#owed) {
      this.#owed.delete(name);
      if (this.#localDebtMs(debt) > 0) this.#owed.set(name, debt);
      looked += 1;
      if (looked >= sweptForEach) break;
    }
    if (this.#owed.size < this.#maxBuckets) return;
    for (const name of this.#owed.keys()) {
      this.#owed.delete(name);
      break;
    }
  }
}

function debtMsOf({ cost, rate }: Charge): number {
  return (cost * 1000) / rate.requestsPerSecond;
}

function nameOf({ level, id }: Bucket): string {
  return `${level}:${id}`;
}
