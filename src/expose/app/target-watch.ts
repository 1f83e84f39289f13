// Finds out when the app stops and starts to accept connections. While it accepts them, nothing is
// checked but the cause of a failed request; while it does not, it is tried until it does.
import { setTimeout as delay } from 'node:timers/promises';
import type { Clock } from '../../kernel/clock.ts';
import type { AppFault } from './app-fault.ts';
import { probeTarget } from './target-probe.ts';
import type { Target } from './target.ts';

export interface TargetObserver {
  /** The app accepts no connection. `atStart`: it has not accepted one before. */
  lost(fault: AppFault, atStart: boolean): void;
  /** Called once after each lost(). */
  returned(): void;
}

/** A developer who starts the app looks at the terminal at that moment. */
const firstWaitMs = 500;
const maxWaitMs = 5_000;
const growth = 1.5;
/** An app that accepts connections and closes them fails requests, which all ask for a check. */
const checkEveryMs = 1_000;

export class TargetWatch {
  readonly #target: Target;
  readonly #observer: TargetObserver;
  readonly #clock: Clock;
  readonly #closed = new AbortController();
  #checking = false;
  #checkedMs = -Infinity;
  #timer: NodeJS.Timeout | undefined;

  constructor(target: Target, observer: TargetObserver, clock: Clock) {
    this.#target = target;
    this.#observer = observer;
    this.#clock = clock;
  }

  start(): void {
    void this.#check(true);
  }

  /** A request has not reached the app. */
  suspect(): void {
    if (this.#checking || this.#closed.signal.aborted) return;
    const waitMs = Math.max(0, this.#checkedMs + checkEveryMs - this.#clock.monotonicMs());
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      void this.#check(false);
    }, waitMs).unref();
  }

  /** Idempotent. */
  close(): void {
    clearTimeout(this.#timer);
    this.#closed.abort();
  }

  async #check(atStart: boolean): Promise<void> {
    if (this.#checking) return;
    this.#checking = true;
    const fault = await this.#probe();
    if (fault !== undefined) {
      this.#observer.lost(fault, atStart);
      if (await this.#isBack()) this.#observer.returned();
    }
    this.#checking = false;
  }

  /** False: closed in the meantime. */
  async #isBack(): Promise<boolean> {
    const { signal } = this.#closed;
    for (let waitMs = firstWaitMs; !signal.aborted; waitMs = Math.min(maxWaitMs, waitMs * growth)) {
      await delay(waitMs, undefined, { signal, ref: false }).catch(() => undefined);
      if ((await this.#probe()) === undefined) break;
    }
    return !signal.aborted;
  }

  async #probe(): Promise<AppFault | undefined> {
    const fault = await probeTarget(this.#target, this.#closed.signal, this.#clock);
    this.#checkedMs = this.#clock.monotonicMs();
    return fault;
  }
}
