// Detects that another process publishes the same lease with the same identity. Relays let the last
// registration win, so the two processes take the lease from each other at every renewal, and
// clients reach sometimes one and sometimes the other. Only the relay's list shows this.
import type { Clock } from '../../kernel/clock.ts';
import { TimeLimit } from '../../kernel/work/time-limit.ts';
import { requestInfo } from '../list-request.ts';
import type { Mux } from '../yamux/mux.ts';

export interface LeaseWatchOptions {
  readonly mux: Mux;
  readonly clock: Pick<Clock, 'monotonicMs'>;
  readonly leaseId: string;
  /** The expiries that the relay may list for this lease, seconds since 1970. */
  readonly ownExpiries: () => readonly number[];
  readonly renewEveryMs: number;
  /**
   * Called when several lists in a row show an expiry that this process did not request, and for
   * each further one.
   */
  readonly contested: (expiresAtMs: number) => void;
}

/**
 * Fraction of the renewal interval. Late, so that the other process has renewed the lease by then.
 */
const lookAfter = 0.9;
/**
 * A single list may show a process that was just replaced and renewed the lease for the last time.
 */
const looksToReport = 2;
/**
 * Lists may have megabytes; this limits the average bandwidth of the checks to 64 KiB each ten
 * seconds.
 */
const maxBytesPerMs = 6.5;
const maxPauseMs = 600_000;

export class LeaseWatch {
  readonly #options: LeaseWatchOptions;
  readonly #stopped = new AbortController();
  #timer: NodeJS.Timeout | undefined;
  #isLooking = false;
  #contestedLooks = 0;
  /** No check before this time. Monotonic, milliseconds. */
  #nextLookMs = -Infinity;

  constructor(options: LeaseWatchOptions) {
    this.#options = options;
  }

  /**
   * Delay before the next renewal. While the lease is contested, it is a random part of the
   * interval: if both processes renewed at the same moment, only the earlier one would ever see the
   * other.
   */
  delayBefore(renewEveryMs: number): number {
    return this.#contestedLooks === 0 ? renewEveryMs : renewEveryMs * (0.5 + Math.random() / 2);
  }

  /** The next renewal of the lease is due after `delayMs`. */
  renewingIn(delayMs: number): void {
    if (this.#stopped.signal.aborted) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#look(), delayMs * lookAfter);
    this.#timer.unref();
  }

  /** Idempotent. */
  stop(): void {
    clearTimeout(this.#timer);
    this.#stopped.abort();
  }

  async #look(): Promise<void> {
    if (this.#isLooking || this.#options.clock.monotonicMs() < this.#nextLookMs) return;
    this.#isLooking = true;
    const { leaseId, mux, ownExpiries, contested } = this.#options;
    let bytes = 0;
    try {
      using limit = new TimeLimit(this.#options.renewEveryMs);
      const signal = AbortSignal.any([this.#stopped.signal, limit.signal]);
      const before = ownExpiries();
      const { leases } = await requestInfo(mux, signal, {
        metadata: 'drop',
        reserved: new Set([leaseId]),
        received: (chunkBytes) => {
          bytes += chunkBytes;
        },
      });
      const listed = leases.find(({ id }) => id === leaseId);
      // The lease may have been renewed after the relay made the list.
      const own = [...before, ...ownExpiries()];
      const isOther = listed !== undefined && !own.includes(listed.expiresAtMs / 1_000);
      this.#contestedLooks = isOther ? this.#contestedLooks + 1 : 0;
      if (isOther && this.#contestedLooks >= looksToReport) contested(listed.expiresAtMs);
    } catch {
      // The relay sent no list, or not in time: the next check may succeed.
    } finally {
      this.#isLooking = false;
      this.#nextLookMs = this.#options.clock.monotonicMs() + Math.min(bytes / maxBytesPerMs, maxPauseMs);
    }
  }
}
