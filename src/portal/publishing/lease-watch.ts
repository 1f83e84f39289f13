// Notices that another process publishes the same lease with the same identity: relays let the last registration win, so that the two take
// the lease from each other at every renewal and callers reach now one, now the other. Only the relay's list shows it.
import { TimeLimit } from '../../kernel/work/time-limit.ts';
import { requestInfo } from '../list-request.ts';
import type { Mux } from '../yamux/session.ts';

export interface LeaseWatchOptions {
  readonly mux: Mux;
  readonly leaseId: string;
  /** What the relay may list as the expiry of this lease, seconds since 1970. */
  readonly ownExpiries: () => readonly number[];
  readonly renewEveryMs: number;
  /** Several lists in a row show an expiry that this process did not ask for. Called for each further one. */
  readonly contested: (expiresAtMs: number) => void;
}

/** Of the time between two renewals. Late: by then the other process has renewed the lease, too. */
const lookAfter = 0.9;
/** One look may show a process that has just been replaced and renewed the lease for the last time. */
const looksToReport = 2;
/** Lists may have megabytes: looks use so much of the connection on average. 64 KiB each ten seconds. */
const maxBytesPerMs = 6.5;
const maxPauseMs = 600_000;

export class LeaseWatch {
  readonly #options: LeaseWatchOptions;
  readonly #stopped = new AbortController();
  #timer: NodeJS.Timeout | undefined;
  #isLooking = false;
  #contestedLooks = 0;
  /** Monotonic, milliseconds: not before this. */
  #nextLookMs = -Infinity;

  constructor(options: LeaseWatchOptions) {
    this.#options = options;
  }

  /**
   * How long to wait before the next renewal. While another process holds the lease, a random part of the interval: of two processes that
   * renew at the same moment, only the earlier one would ever see the other.
   */
  delayBefore(renewEveryMs: number): number {
    return this.#contestedLooks === 0 ? renewEveryMs : renewEveryMs * (0.5 + Math.random() / 2);
  }

  /** The lease is renewed after `delayMs`. */
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
    if (this.#isLooking || performance.now() < this.#nextLookMs) return;
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
      // The lease may have been renewed since the relay made the list.
      const own = [...before, ...ownExpiries()];
      const isOther = listed !== undefined && !own.includes(listed.expiresAtMs / 1_000);
      this.#contestedLooks = isOther ? this.#contestedLooks + 1 : 0;
      if (isOther && this.#contestedLooks >= looksToReport) contested(listed.expiresAtMs);
    } catch {
      // The relay sent no list, or not in time: the next look may succeed.
    } finally {
      this.#isLooking = false;
      this.#nextLookMs = performance.now() + Math.min(bytes / maxBytesPerMs, maxPauseMs);
    }
  }
}
