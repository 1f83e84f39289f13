// Charges admitted by this process that the shared store does not have yet. They are paid to the
// store as soon as it accepts them, and until then added to every state that it reports.
import type { Charge } from './limiter.ts';
import type { Bucket, Debt } from './memory-limiter.ts';

export interface UnsettledOptions {
  /** The debt of a bucket as this process knows it. A bucket that is full again owes nothing. */
  readonly localDebtMs: (bucket: Bucket) => number;
  readonly maxBuckets?: number;
}

const defaultMaxBuckets = 100_000;
/** Buckets inspected per new one: enough to keep full ones from piling up. */
const sweptForEach = 4;
/** Tolerance for floating-point errors: smaller debts count as zero. */
const leastMs = 1e-6;

export class UnsettledCharges {
  readonly #localDebtMs: (bucket: Bucket) => number;
  readonly #maxBuckets: number;
  readonly #owed = new Map<string, Debt>();
  /**
   * Milliseconds in flight to the store, by bucket. Bounded by the number of commands in flight.
   */
  readonly #inFlight = new Map<string, number>();

  constructor(options: UnsettledOptions) {
    this.#localDebtMs = options.localDebtMs;
    this.#maxBuckets = options.maxBuckets ?? defaultMaxBuckets;
  }

  /** Number of buckets with debts. */
  get size(): number {
    return this.#owed.size;
  }

  /** Admitted locally while the store still has the question and will respond late. */
  sent(charges: readonly Charge[]): void {
    for (const charge of charges) this.#send(charge, debtMsOf(charge));
  }

  /** The store has responded to the question. */
  settled(charges: readonly Charge[]): void {
    for (const charge of charges) this.#send(charge, -debtMsOf(charge));
  }

  /** Admitted locally, and unknown to the store. */
  owe(charges: readonly Charge[]): void {
    for (const charge of charges) this.#add(charge, debtMsOf(charge));
  }

  /** Admitted locally, and refunded before the store knew. */
  refund(charges: readonly Charge[]): void {
    for (const charge of charges) if (this.#owed.has(nameOf(charge))) this.#add(charge, -debtMsOf(charge));
  }

  /** The part of a bucket's debt that the store does not know, in milliseconds. */
  debtMs(bucket: Bucket): number {
    const name = nameOf(bucket);
    return (this.#owed.get(name)?.debtMs ?? 0) + (this.#inFlight.get(name) ?? 0);
  }

  /**
   * Takes debts of at most `most` buckets for payment. The caller must call paid() or failed() with
   * them.
   */
  begin(most: number): Debt[] {
    const debts: Debt[] = [];
    let left = most;
    for (const [name, { level, id, debtMs }] of this.#owed) {
      if (left <= 0) break;
      left -= 1;
      this.#owed.delete(name);
      // Time has refilled the bucket since: a caller never owes more than the bucket still lacks.
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

  /** The store may or may not have charged them: they stay owed. */
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

  /**
   * Inspects a few debts in turn and drops those of full buckets; when there is no room, drops the
   * debt inspected longest ago.
   */
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
