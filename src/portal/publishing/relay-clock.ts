// The relay's time, as far as it is known: learned from the Date of its HTTP responses and counted on by durations, so that steps of
// this machine's clock do not matter. Lease requests carry it; handshakes do not, or a relay could decide how old they may be.
import type { DateSample } from '../websocket/relay-date.ts';

export interface RelayClockOptions {
  /** The clock of this machine, milliseconds since 1970. */
  readonly nowMs: () => number;
  /** Requests the relay's time; undefined if the relay does not send it. Absent: it cannot be requested. */
  readonly ask?: (signal: AbortSignal) => Promise<DateSample | undefined>;
}

/** A Date has whole seconds. */
const halfOfDateMs = 500;
/** More than two samples of one clock differ, with round trips that are not far apart. */
const movedMs = 2_000;
/** A sample that took longer says too little. */
const maxRoundTripMs = 5_000;
/** Clocks drift and are corrected, at either end. */
const askEveryMs = 60_000;
/**
 * A relay whose time differs more is not followed: lease requests are signed for the relay's time, and a malicious relay could store
 * requests for the future and use them at another relay when their time comes.
 */
const maxFollowedMs = 86_400_000;

export class RelayClock {
  readonly #options: RelayClockOptions;
  readonly #closed = new AbortController();
  /** The relay's clock minus the monotonic one. */
  #offsetMs: number | undefined;
  #asking: Promise<void> | undefined;
  #isCertain = false;
  /** The relay refused a request with the time of its own Date. */
  #isMisleading = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: RelayClockOptions) {
    this.#options = options;
  }

  /** The clock of this machine minus the relay's. Undefined: not known. */
  get skewMs(): number | undefined {
    return this.#offsetMs === undefined ? undefined : this.#options.nowMs() - this.#offsetMs - performance.now();
  }

  /** Whether nowMs() may be the relay's time: it is known, and not too far off. */
  get isFollowable(): boolean {
    return Math.abs(this.skewMs ?? Infinity) <= maxFollowedMs;
  }

  /** Whether nowMs() is the relay's time. */
  get isFollowed(): boolean {
    return !this.#isMisleading && this.isFollowable;
  }

  /** The relay's time, or that of this machine where the relay's is not known or not to be followed. */
  nowMs(): number {
    const ownMs = this.#options.nowMs();
    return this.isFollowed ? ownMs - (this.skewMs ?? 0) : ownMs;
  }

  take({ dateMs, sentAtMs, receivedAtMs }: DateSample): void {
    if (receivedAtMs - sentAtMs > maxRoundTripMs) return;
    this.#offsetMs = dateMs + halfOfDateMs - (sentAtMs + receivedAtMs) / 2;
    this.#isCertain = true;
  }

  /** Resolves when the relay's time is known, or cannot be learned. Never rejects. */
  settled(): Promise<void> {
    return this.#isCertain ? Promise.resolve() : this.#ask();
  }

  /** Resolves with whether the relay's clock was set since the last sample. Never rejects. */
  async askAgain(): Promise<boolean> {
    const before = this.#offsetMs;
    await this.#ask();
    return Math.abs((this.#offsetMs ?? 0) - (before ?? 0)) > movedMs;
  }

  /** Switches between the relay's Date and the clock of this machine: the relay refused the one in use. A proxy may have written the Date. */
  followOther(): void {
    this.#isMisleading = !this.#isMisleading;
  }

  /** Reports the difference now and once a minute, until close(). */
  watch(report: (skewMs: number) => void): void {
    const look = async (asked: Promise<void>): Promise<void> => {
      await asked;
      const { skewMs } = this;
      if (skewMs !== undefined && !this.#closed.signal.aborted) report(skewMs);
    };
    if (this.#closed.signal.aborted) return;
    void look(this.settled());
    clearInterval(this.#timer);
    this.#timer = setInterval(() => void look(this.#ask()), askEveryMs);
    this.#timer.unref();
  }

  /** Idempotent. */
  close(): void {
    clearInterval(this.#timer);
    this.#closed.abort();
  }

  #ask(): Promise<void> {
    this.#asking ??= this.#askOnce().finally(() => {
      this.#asking = undefined;
    });
    return this.#asking;
  }

  async #askOnce(): Promise<void> {
    const { signal } = this.#closed;
    if (signal.aborted) return;
    const sample = await this.#options.ask?.(signal);
    this.#isCertain = true;
    if (sample !== undefined) this.take(sample);
  }
}
