// Time limits that rarely expire: one timer per duration in use, not one per request. A deadline
// never fires early, and is late by at most a timer's millisecond plus the event loop's lag.
import type { Clock } from '../clock.ts';

/** Called when the time is up. Must not throw. */
export interface Expiring {
  expired(): void;
}

/** A reusable time limit of one owner. Arming it again allocates nothing. */
export class Deadline {
  readonly owner: Expiring;
  // Links in the DeadlineList, which alone modifies them.
  list: DeadlineList | undefined = undefined;
  previous: Deadline | undefined = undefined;
  next: Deadline | undefined = undefined;
  dueMs = 0;

  constructor(owner: Expiring) {
    this.owner = owner;
  }
}

/** All deadlines of one duration, so the one armed first expires first. */
class DeadlineList {
  readonly #afterMs: number;
  readonly #clock: Clock;
  readonly #empty: (afterMs: number) => void;
  #first: Deadline | undefined = undefined;
  #last: Deadline | undefined = undefined;
  #timer: NodeJS.Timeout | undefined = undefined;

  constructor(afterMs: number, clock: Clock, empty: (afterMs: number) => void) {
    this.#afterMs = afterMs;
    this.#clock = clock;
    this.#empty = empty;
  }

  append(deadline: Deadline): void {
    deadline.list = this;
    deadline.dueMs = this.#clock.monotonicMs() + this.#afterMs;
    deadline.previous = this.#last;
    if (this.#last === undefined) this.#first = deadline;
    else this.#last.next = deadline;
    this.#last = deadline;
    if (this.#timer === undefined) this.#wake(this.#afterMs);
  }

  remove(deadline: Deadline): void {
    const { previous, next } = deadline;
    if (previous === undefined) this.#first = next;
    else previous.next = next;
    if (next === undefined) this.#last = previous;
    else next.previous = previous;
    deadline.list = undefined;
    deadline.previous = undefined;
    deadline.next = undefined;
  }

  #wake(inMs: number): void {
    this.#timer = setTimeout(() => {
      this.#expire();
    }, Math.ceil(inMs));
    // The work under the limit must keep the process alive, not its timer.
    this.#timer.unref();
  }

  #expire(): void {
    this.#timer = undefined;
    const nowMs = this.#clock.monotonicMs();
    while (this.#first !== undefined && this.#first.dueMs <= nowMs) {
      const deadline = this.#first;
      this.remove(deadline);
      deadline.owner.expired();
    }
    this.#wakeForFirst(nowMs);
  }

  /** An owner may have armed another deadline in expired(), and thereby started the timer. */
  #wakeForFirst(nowMs: number): void {
    if (this.#first === undefined) this.#empty(this.#afterMs);
    else if (this.#timer === undefined) this.#wake(this.#first.dueMs - nowMs);
  }
}

export class Deadlines {
  readonly #clock: Clock;
  readonly #lists = new Map<number, DeadlineList>();
  readonly #empty = (afterMs: number): void => {
    this.#lists.delete(afterMs);
  };

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Starts or restarts the deadline. */
  arm(deadline: Deadline, afterMs: number): void {
    deadline.list?.remove(deadline);
    let list = this.#lists.get(afterMs);
    if (list === undefined) {
      list = new DeadlineList(afterMs, this.#clock, this.#empty);
      this.#lists.set(afterMs, list);
    }
    list.append(deadline);
  }

  disarm(deadline: Deadline): void {
    deadline.list?.remove(deadline);
  }
}
