// Owns the waiting of a session: many deadlines, one timer. Knows no stream; what is due is the owner's to judge.
import type { Clock } from '../../kernel/clock.ts';

/** Deadlines that all lie the same time ahead when they are set: the order of insertion is the order of time. */
export class DeadlineQueue<T> {
  readonly #delayMs: number;
  readonly #dueAtMs = new Map<T, number>();

  constructor(delayMs: number) {
    this.#delayMs = delayMs;
  }

  /** Sets the item's deadline, anew if it has one. Returns when it is due. */
  set(item: T, nowMs: number): number {
    const dueAtMs = nowMs + this.#delayMs;
    this.#dueAtMs.delete(item);
    this.#dueAtMs.set(item, dueAtMs);
    return dueAtMs;
  }

  delete(item: T): void {
    this.#dueAtMs.delete(item);
  }

  /** Infinity when nothing is waited for. */
  get nextMs(): number {
    for (const dueAtMs of this.#dueAtMs.values()) return dueAtMs;
    return Infinity;
  }

  /** Removes and returns the first item that is due. */
  takeDue(nowMs: number): T | undefined {
    for (const [item, dueAtMs] of this.#dueAtMs) {
      if (dueAtMs > nowMs) return undefined;
      this.#dueAtMs.delete(item);
      return item;
    }
    return undefined;
  }
}

/** A timer that is only ever moved nearer until it fires: setting a later deadline costs a comparison. */
export class SessionTimer {
  readonly #clock: Clock;
  readonly #onDue: () => void;
  #timer: NodeJS.Timeout | undefined;
  #armedForMs = Infinity;
  #stopped = false;

  constructor(clock: Clock, onDue: () => void) {
    this.#clock = clock;
    this.#onDue = onDue;
  }

  /** Fires at `dueAtMs` or earlier; the owner looks what is due and asks again. */
  need(dueAtMs: number): void {
    if (this.#stopped || dueAtMs >= this.#armedForMs) return;
    clearTimeout(this.#timer);
    this.#armedForMs = dueAtMs;
    const delayMs = Math.max(0, Math.ceil(dueAtMs - this.#clock.monotonicMs()));
    this.#timer = setTimeout(() => {
      this.#armedForMs = Infinity;
      this.#onDue();
    }, delayMs);
    // The connection keeps the process alive, not our patience with it.
    this.#timer.unref();
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }
}
