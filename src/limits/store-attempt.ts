// One question to the shared store, decided once: by its response or by its deadline.
import { setImmediate } from 'node:timers';
import { Deadline, type Deadlines, type Expiring } from '../kernel/work/deadlines.ts';

export interface AttemptTiming {
  readonly deadlines: Pick<Deadlines, 'arm' | 'disarm'>;
  /** How long a response may take. */
  readonly deadlineMs: number;
  /**
   * Runs the callback once the input of this turn of the event loop has been read. Default:
   * setImmediate.
   */
  readonly defer?: (callback: () => void) => void;
}

export class StoreAttempt implements Expiring {
  /** Decided locally, and admitted. */
  admitted = false;
  readonly #timing: AttemptTiming;
  readonly #giveUp: () => void;
  readonly #deadline: Deadline = new Deadline(this);
  #decided = false;

  /**
   * The deadline counts from the end of this turn of the event loop: the client writes only then,
   * and earlier time is not the store's.
   */
  constructor(timing: AttemptTiming, giveUp: () => void) {
    this.#timing = timing;
    this.#giveUp = giveUp;
    this.#defer(() => {
      if (!this.#decided) timing.deadlines.arm(this.#deadline, timing.deadlineMs);
    });
  }

  /** When the question was sent. Valid once the deadline is armed. */
  get sentMs(): number {
    return this.#deadline.dueMs - this.#timing.deadlineMs;
  }

  /**
   * After a long turn of the event loop the response may be unread in the socket: read it before
   * giving up.
   */
  expired(): void {
    this.#defer(() => {
      if (this.decide()) this.#giveUp();
    });
  }

  /** Returns false when it was already decided. */
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
