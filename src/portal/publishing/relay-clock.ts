// The relay's time, learned from the Date of its HTTP responses and advanced monotonically, so that
// steps of this machine's clock have no effect. Lease requests use it; handshakes do not, because a
// relay could then decide how old they may be.
import type { Clock } from '../../kernel/clock.ts';
import type { DateSample } from '../websocket/relay-date.ts';

export interface RelayClockOptions {
  /** The clock of this machine. */
  readonly clock: Clock;
  /**
   * Requests the relay's time; returns undefined if the relay does not send it. Absent: it cannot
   * be requested.
   */
  readonly ask?: (signal: AbortSignal) => Promise<DateSample | undefined>;
}

/** Half the resolution of Date, which is one second. */
const halfOfDateMs = 500;
/**
 * Larger than the difference between two samples of an unchanged clock with similar round trips.
 */
const movedMs = 2_000;
/** Samples with a longer round trip are too inexact. */
const maxRoundTripMs = 5_000;
/** Clocks drift and are corrected on both sides. */
const askEveryMs = 60_000;
/**
 * The relay's time is ignored if it differs more: lease requests are signed for the relay's time,
 * and a malicious relay could collect requests for the future and replay them at another relay
 * later.
 */
const maxFollowedMs = 86_400_000;

export class RelayClock {
  readonly #options: RelayClockOptions;
  readonly #closed = new AbortController();
  /** The relay's clock minus the monotonic one. */
  #offsetMs: number | undefined;
  #asking: Promise<void> | undefined;
  #isCertain = false;
  /** The relay rejected a request that used the time of its own Date. */
  #isMisleading = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: RelayClockOptions) {
    this.#options = options;
  }

  /** The clock of this machine minus the relay's. Undefined: not known. */
  get skewMs(): number | undefined {
    if (this.#offsetMs === undefined) return undefined;
    const { clock } = this.#options;
    return clock.wallMs() - this.#offsetMs - clock.monotonicMs();
  }

  /** Whether nowMs() may use the relay's time: it is known and within the limit. */
  get isFollowable(): boolean {
    return Math.abs(this.skewMs ?? Infinity) <= maxFollowedMs;
  }

  /** Whether nowMs() uses the relay's time. */
  get isFollowed(): boolean {
    return !this.#isMisleading && this.isFollowable;
  }

  /** The relay's time, or the time of this machine if the relay's is unknown or not used. */
  nowMs(): number {
    const ownMs = this.#options.clock.wallMs();
    return this.isFollowed ? ownMs - (this.skewMs ?? 0) : ownMs;
  }

  /** Of this machine: for durations. */
  monotonicMs(): number {
    return this.#options.clock.monotonicMs();
  }

  take({ dateMs, sentAtMs, receivedAtMs }: DateSample): void {
    if (receivedAtMs - sentAtMs > maxRoundTripMs) return;
    this.#offsetMs = dateMs + halfOfDateMs - (sentAtMs + receivedAtMs) / 2;
    this.#isCertain = true;
  }

  /** Resolves when the relay's time is known or cannot be determined. Never rejects. */
  settled(): Promise<void> {
    return this.#isCertain ? Promise.resolve() : this.#ask();
  }

  /** Resolves with true if the relay's clock was changed since the last sample. Never rejects. */
  async askAgain(): Promise<boolean> {
    const before = this.#offsetMs;
    await this.#ask();
    return Math.abs((this.#offsetMs ?? 0) - (before ?? 0)) > movedMs;
  }

  /**
   * Switches between the relay's Date and the clock of this machine, after the relay rejected the
   * one in use. A proxy may have written the Date.
   */
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
