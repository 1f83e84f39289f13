// One question to the shared store, decided once: by its response or by its deadline.
import { setImmediate } from 'node:timers';
import { Deadline, type Deadlines, type Expiring } from '../kernel/work/deadlines.ts';

export interface AttemptTiming {
  readonly deadlines: Pick<Deadlines, 'arm' | 'disarm'>;
  /** How long a response may take. */
  readonly deadlineMs: number;
  /** Runs the callback once the input of this turn of the event loop has been read. Default: setImmediate. */
  readonly defer?: (callback: () => void) => void;
}

export class StoreAttempt implements Expiring {
  /** Decided without the store, and admitted. */
  admitted = false;
  readonly #timing: AttemptTiming;
  readonly #giveUp: () => void;
  readonly #deadline: Deadline = new Deadline(this);
  #decided = false;

  /** Counts from the end of this turn of the loop: the client writes then, and what the turn takes until then is not the store's time. */
  constructor(timing: AttemptTiming, giveUp: () => void) {
    this.#timing = timing;
    this.#giveUp = giveUp;
    this.#defer(() => {
      if (!this.#decided) timing.deadlines.arm(this.#deadline, timing.deadlineMs);
    });
  }

  /** Known once the deadline is armed. */
  get sentMs(): number {
    return this.#deadline.dueMs - this.#timing.deadlineMs;
  }

  /** After a turn of the loop that was late the response may lie unread in the socket: it is read before anybody gives up. */
  expired(): void {
    this.#defer(() => {
      if (this.decide()) this.#giveUp();
    });
  }

  /** False: it was decided before. */
  decide(): boolean {
    if (this.#decided) return false;
    this.#decided = true;
    this.#timing.deadlines.disarm(this.#deadline);
    return true;
  }

  #defer(callback: () => void): void {
    (this.#timing.defer ?? setImmediate)(callback);
  }
}
