// Decides whether the shared store is in use. An error or three late responses in a row take it out
// of use; enough successful probes in a row bring it back. The probes resemble the request that
// failed, and a store that is soon lost again has to pass twice as many, so that neither a partial
// fault nor a latency near the deadline makes the state flap.
import type { Clock } from '../kernel/clock.ts';
import { Deadline, type Expiring } from '../kernel/work/deadlines.ts';
import { type AttemptTiming, StoreAttempt } from './store-attempt.ts';

export interface StoreHealthOptions {
  readonly timing: AttemptTiming;
  readonly clock: Clock;
  /** Resolves when the operation that failed succeeds again. */
  readonly probe: () => Promise<void>;
  /** The store has responded to a probe, perhaps too late to be in use. */
  readonly reached: () => void;
  /**
   * Runs after the probes and before the store is used again. Rejects when the store failed in
   * between.
   */
  readonly restore: () => Promise<void>;
  /** Called once for each change. */
  readonly changed: (state: 'shared' | 'local', reason: string) => void;
}

/** Late responses to consecutive questions. Fewer are a hiccup, which may as well be our own. */
const lateUntilAway = 3;
/** With `minProbes`, the store is back within half a second. */
const probeIntervalMs = 100;
const minProbes = 3;
/** About ten seconds without a fault. */
const maxProbes = 96;
/** After this time in use the store counts as stable again. */
const steadyMs = 60_000;

export class StoreHealth implements Expiring {
  readonly #options: StoreHealthOptions;
  readonly #nextProbe: Deadline = new Deadline(this);
  #isAway = false;
  #isRestoring = false;
  /** A probe counts only when nothing has failed since it was sent. */
  #failures = 0;
  #row = 0;
  #neededProbes = minProbes;
  #backMs = Number.NEGATIVE_INFINITY;
  #lateInRow = 0;
  #lateMs = Number.NEGATIVE_INFINITY;

  constructor(options: StoreHealthOptions) {
    this.#options = options;
  }

  get isAway(): boolean {
    return this.#isAway;
  }

  /** The store responded in time. */
  inTime(): void {
    this.#lateInRow = 0;
  }

  /** The store did not respond in time to a question sent at that time. */
  late(sentMs: number): void {
    if (this.#isAway || sentMs < this.#lateMs) return;
    this.#lateMs = this.#options.clock.monotonicMs();
    this.#lateInRow += 1;
    if (this.#lateInRow >= lateUntilAway) this.lost('it does not respond in time');
  }

  lost(reason: string): void {
    const { clock, changed } = this.#options;
    this.#failed();
    if (this.#isAway) return;
    this.#isAway = true;
    this.#lateInRow = 0;
    const isSoon = clock.monotonicMs() - this.#backMs < steadyMs;
    this.#neededProbes = isSoon ? Math.min(maxProbes, 2 * this.#neededProbes) : minProbes;
    this.#arm();
    changed('local', reason);
  }

  /** Probes at once after a reconnect. */
  connected(): void {
    if (this.#isAway) this.expired();
  }

  /** The next probe is due. */
  expired(): void {
    if (!this.#isAway) return;
    this.#arm();
    const failures = this.#failures;
    const attempt = new StoreAttempt(this.#options.timing, () => {
      this.#failed();
    });
    this.#options.probe().then(
      () => {
        if (attempt.decide() && failures === this.#failures) this.#succeeded();
        if (this.#isAway && !this.#isRestoring) this.#options.reached();
      },
      () => {
        attempt.decide();
        this.#failed();
      },
    );
  }

  #arm(): void {
    this.#options.timing.deadlines.arm(this.#nextProbe, probeIntervalMs);
  }

  #failed(): void {
    this.#failures += 1;
    this.#row = 0;
  }

  #succeeded(): void {
    this.#row += 1;
    if (!this.#isAway || this.#isRestoring || this.#row < this.#neededProbes) return;
    const failures = this.#failures;
    this.#isRestoring = true;
    this.#options.restore().then(
      () => {
        this.#isRestoring = false;
        if (failures === this.#failures) this.#back();
      },
      () => {
        this.#isRestoring = false;
        this.#failed();
      },
    );
  }

  #back(): void {
    this.#isAway = false;
    this.#backMs = this.#options.clock.monotonicMs();
    this.#options.timing.deadlines.disarm(this.#nextProbe);
    this.#options.changed('shared', 'it responds');
  }
}
