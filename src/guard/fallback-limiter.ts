// Owns what happens when the shared limits can't be asked in time: this process limits by itself, and asks again until it can.
// No request waits longer than the deadline, and none fails for want of the store.
import { setImmediate } from 'node:timers';
import type { Clock } from '../kernel/clock.ts';
import { Deadline, type Deadlines, type Expiring } from '../kernel/deadlines.ts';
import { type Charge, isAdmitted, type Limiter, type Verdict } from './limiter.ts';
import type { LocalLimiter } from './local-limiter.ts';
import type { QuotaCharge } from './quota.ts';

export interface FallbackOptions {
  readonly shared: {
    take(charges: readonly Charge[], quota?: QuotaCharge): Promise<Verdict>;
    give(charges: readonly Charge[]): Promise<void>;
    /** Takes what was admitted already, also where there is nothing left. */
    charge(charges: readonly Charge[]): Promise<void>;
  };
  /** Kept like the shared limits as this process last saw them, so that their loss is no new burst for anybody. */
  readonly local: LocalLimiter;
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
/** Answers that came too late, one asked for after the other, until nobody waits for the next: less is a hiccup, of ours as likely. */
const lateUntilAway = 3;

export class FallbackLimiter implements Limiter {
  readonly #options: FallbackOptions;
  readonly #deadlineMs: number;
  #isAway = false;
  /** How often it was lost: what was asked before the last loss does not tell that it is back. */
  #losses = 0;
  #lateInRow = 0;
  #lateMs = Number.NEGATIVE_INFINITY;
  #probedMs = Number.NEGATIVE_INFINITY;

  constructor(options: FallbackOptions) {
    this.#options = options;
    this.#deadlineMs = options.deadlineMs ?? defaultDeadlineMs;
  }

  get shared(): boolean {
    return !this.#isAway;
  }

  peek(charges: readonly Charge[]): Verdict {
    return this.#options.local.peek(charges);
  }

  give(charges: readonly Charge[], quota?: QuotaCharge): void {
    const { shared, local } = this.#options;
    local.give(charges, quota);
    // What is lost of it is never too much for the app.
    if (!this.#isAway) shared.give(charges).catch(() => undefined);
  }

  take(charges: readonly Charge[], quota?: QuotaCharge): Verdict | Promise<Verdict> {
    const { shared, local, clock, deadlines } = this.#options;
    if (this.#isAway) {
      const nowMs = clock.monotonicMs();
      if (nowMs - this.#probedMs < probeIntervalMs) return local.take(charges, quota);
      this.#probedMs = nowMs;
    }
    const losses = this.#losses;
    return new Promise((resolve) => {
      const attempt = new Attempt(() => {
        this.#late(attempt.deadline.dueMs - this.#deadlineMs);
        const verdict = local.take(charges, quota);
        attempt.admitted = isAdmitted(verdict);
        resolve(verdict);
      });
      shared.take(charges, quota).then(
        (verdict) => {
          deadlines.disarm(attempt.deadline);
          const inTime = attempt.decide();
          if (inTime && losses === this.#losses) this.found();
          local.adopt(charges, verdict.states);
          if (inTime) resolve(verdict);
          else this.#reconcile(charges, quota, attempt.admitted, isAdmitted(verdict));
        },
        (error: unknown) => {
          deadlines.disarm(attempt.deadline);
          this.lost(error);
          if (attempt.decide()) resolve(local.take(charges, quota));
        },
      );
      // The client writes at the end of this turn of the loop: what the turn takes until then is not the store's time.
      setImmediate(() => {
        if (attempt.isOpen) deadlines.arm(attempt.deadline, this.#deadlineMs);
      });
    });
  }

  /** The connection to the store is gone, or did not come about. */
  lost(error: unknown): void {
    this.#away(reasonOf(error));
  }

  /** It is there, or there again. */
  found(): void {
    this.#lateInRow = 0;
    if (!this.#isAway) return;
    this.#isAway = false;
    // It may have forgotten, and others may have given back: nobody is refused by what was known here before.
    this.#options.local.forgetBuckets();
    this.#options.changed('shared', 'it answers');
  }

  /** The answer came after it was decided here: what was decided counts, and counts once. */
  #reconcile(charges: readonly Charge[], quota: QuotaCharge | undefined, here: boolean, there: boolean): void {
    const { shared, local } = this.#options;
    if (here && there) local.giveQuota(quota);
    else if (there) this.give(charges, quota);
    else if (here) shared.charge(charges).catch(() => undefined);
  }

  #late(sentMs: number): void {
    if (sentMs < this.#lateMs) return;
    this.#lateMs = this.#options.clock.monotonicMs();
    this.#lateInRow += 1;
    if (this.#lateInRow >= lateUntilAway) this.#away('it does not answer in time');
  }

  #away(reason: string): void {
    if (this.#isAway) return;
    this.#isAway = true;
    this.#losses += 1;
    this.#probedMs = this.#options.clock.monotonicMs();
    this.#options.changed('local', reason);
  }
}

/** One request: decided once, by whoever is first. */
class Attempt implements Expiring {
  readonly deadline: Deadline = new Deadline(this);
  /** What was decided without the store. */
  admitted = false;
  readonly #giveUp: () => void;
  #decided = false;

  constructor(giveUp: () => void) {
    this.#giveUp = giveUp;
  }

  /** After a turn of the loop that was late the answer may lie unread in the socket: it is read before anybody gives up. */
  expired(): void {
    setImmediate(() => {
      if (this.decide()) this.#giveUp();
    });
  }

  get isOpen(): boolean {
    return !this.#decided;
  }

  /** False: it was decided before. */
  decide(): boolean {
    if (this.#decided) return false;
    this.#decided = true;
    return true;
  }
}

/** The code where there is one: messages of the network name addresses. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return 'it failed';
  return 'code' in error && typeof error.code === 'string' ? error.code : error.message;
}
