// Deadlines of a session: many deadlines with one timer. The owner handles the items that are due.
import type { Clock } from '../../kernel/clock.ts';

/** Deadlines with the same delay, so insertion order equals time order. */
export class DeadlineQueue<T> {
  readonly #delayMs: number;
  readonly #dueAtMs = new Map<T, number>();

  constructor(delayMs: number) {
    this.#delayMs = delayMs;
  }

  /** Sets or resets the item's deadline. Returns when it is due. */
  set(item: T, nowMs: number): number {
    const dueAtMs = nowMs + this.#delayMs;
    this.#dueAtMs.delete(item);
    this.#dueAtMs.set(item, dueAtMs);
    return dueAtMs;
  }

  delete(item: T): void {
    this.#dueAtMs.delete(item);
  }

  /** Infinity if no deadline is set. */
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

/**
 * A timer that is only moved earlier until it fires: setting a later deadline costs one comparison.
 */
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

  /** Fires at `dueAtMs` or earlier; the owner then checks what is due and calls need() again. */
  need(dueAtMs: number): void {
    if (this.#stopped || dueAtMs >= this.#armedForMs) return;
    clearTimeout(this.#timer);
    this.#armedForMs = dueAtMs;
    const delayMs = Math.max(0, Math.ceil(dueAtMs - this.#clock.monotonicMs()));
    this.#timer = setTimeout(() => {
      this.#armedForMs = Infinity;
      this.#onDue();
    }, delayMs);
    // Only the connection keeps the process alive, not its timeouts.
    this.#timer.unref();
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }
}
