// Owns what happens when the shared buckets can't be asked in time: this process limits by itself, and asks again until it can.
// No request waits longer than the deadline, and none fails for want of the store.
import type { Clock } from '../kernel/clock.ts';
import { Deadline, type Deadlines, type Expiring } from '../kernel/deadlines.ts';
import type { Charge, Limiter, Verdict } from './limiter.ts';

export interface FallbackOptions {
  readonly shared: { take(charges: readonly Charge[]): Promise<Verdict> };
  readonly local: Limiter;
  readonly deadlines: Deadlines;
  readonly clock: Clock;
  /** product-spec §6: 50 ms. */
  readonly deadlineMs?: number;
  /** Told once for each change. */
  readonly changed: (state: 'shared' | 'local', reason: string) => void;
}

const defaultDeadlineMs = 50;
/** While it is away one request in this time asks again, so that the return is noticed well within 2 s. */
const probeIntervalMs = 250;

export class FallbackLimiter implements Limiter {
  readonly #options: FallbackOptions;
  readonly #deadlineMs: number;
  /** Undefined: the shared buckets are in use. */
  #awaySinceMs: number | undefined = undefined;
  #probedMs = Number.NEGATIVE_INFINITY;

  constructor(options: FallbackOptions) {
    this.#options = options;
    this.#deadlineMs = options.deadlineMs ?? defaultDeadlineMs;
  }

  get shared(): boolean {
    return this.#awaySinceMs === undefined;
  }

  take(charges: readonly Charge[]): Verdict | Promise<Verdict> {
    const { shared, local, clock } = this.#options;
    if (this.#awaySinceMs !== undefined) {
      const nowMs = clock.monotonicMs();
      if (nowMs - this.#probedMs < probeIntervalMs) return local.take(charges);
      this.#probedMs = nowMs;
    }
    return new Promise((resolve) => {
      const attempt = new Attempt(resolve, (reason) => {
        this.#lost(reason);
        return local.take(charges);
      });
      this.#options.deadlines.arm(attempt.deadline, this.#deadlineMs);
      shared.take(charges).then(
        (verdict) => {
          this.#options.deadlines.disarm(attempt.deadline);
          // An answer that came too late still shows that the store is back; the request was decided locally.
          if (attempt.decide(verdict) || this.#awaySinceMs !== undefined) this.#found();
        },
        (error: unknown) => {
          this.#options.deadlines.disarm(attempt.deadline);
          attempt.fail(error instanceof Error ? error.message : String(error));
        },
      );
    });
  }

  #lost(reason: string): void {
    if (this.#awaySinceMs !== undefined) return;
    this.#awaySinceMs = this.#options.clock.monotonicMs();
    this.#probedMs = this.#awaySinceMs;
    this.#options.changed('local', reason);
  }

  #found(): void {
    if (this.#awaySinceMs === undefined) return;
    this.#awaySinceMs = undefined;
    this.#options.changed('shared', 'it answers again');
  }
}

/** One request: decided once, by whoever is first. */
class Attempt implements Expiring {
  readonly deadline: Deadline = new Deadline(this);
  readonly #resolve: (verdict: Verdict | Promise<Verdict>) => void;
  readonly #fallBack: (reason: string) => Verdict | Promise<Verdict>;
  #decided = false;

  constructor(
    resolve: (verdict: Verdict | Promise<Verdict>) => void,
    fallBack: (reason: string) => Verdict | Promise<Verdict>,
  ) {
    this.#resolve = resolve;
    this.#fallBack = fallBack;
  }

  expired(): void {
    this.fail('it did not answer in time');
  }

  fail(reason: string): void {
    if (this.#decided) return;
    this.#decided = true;
    this.#resolve(this.#fallBack(reason));
  }

  /** False: it was decided before. */
  decide(verdict: Verdict): boolean {
    if (this.#decided) return false;
    this.#decided = true;
    this.#resolve(verdict);
    return true;
  }
}
