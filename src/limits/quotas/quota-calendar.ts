// Start and end of days and months in a time zone. Works without quotas, and without Intl in UTC:
// its first formatter takes 8 MiB and 30 ms.

export interface Period {
  /** `2026-11-24` or `2026-11`: the local date in that zone. */
  readonly id: string;
  readonly startMs: number;
  /** Exclusive. */
  readonly endMs: number;
}

export type PeriodKind = 'daily' | 'monthly';

export const periodKinds: readonly PeriodKind[] = ['daily', 'monthly'];

/** Longer than any day or month, whatever clock changes the zone makes. */
const longerThanMs = { daily: 50 * 3_600_000, monthly: 33 * 86_400_000 } as const;
/** A clock that is set back by at most this does not reopen a day that is over. */
const setBackMs = 60_000;

export class QuotaCalendar {
  /** Undefined for UTC. */
  readonly #format: Intl.DateTimeFormat | undefined;
  readonly #known: Record<PeriodKind, Period | undefined> = { daily: undefined, monthly: undefined };

  /** Throws RangeError for a zone unknown to Intl. */
  constructor(timeZone: string) {
    if (timeZone === 'UTC') return;
    this.#format = new Intl.DateTimeFormat('en', {
      ...{ timeZone, calendar: 'gregory', numberingSystem: 'latn' },
      ...{ year: 'numeric', month: '2-digit', day: '2-digit' },
    });
  }

  /** The period that contains `nowMs`: the same object for as long as it lasts. */
  period(kind: PeriodKind, nowMs: number): Period {
    const known = this.#known[kind];
    if (known !== undefined && nowMs < known.endMs && nowMs >= known.startMs - setBackMs) return known;
    const period = this.#find(kind, nowMs);
    this.#known[kind] = period;
    return period;
  }

  /**
   * Searches for the ends instead of calculating them: days have 23 to 25 hours, some start at one
   * o'clock, and islands have skipped one. Dates never run backwards, so a binary search finds
   * where one changes, in 28 steps once a day.
   */
  #find(kind: PeriodKind, nowMs: number): Period {
    const id = this.#idAt(kind, nowMs);
    const away = longerThanMs[kind];
    const endMs = firstMs(nowMs, nowMs + away, (ms) => this.#idAt(kind, ms) !== id);
    const startMs = firstMs(nowMs - away, nowMs, (ms) => this.#idAt(kind, ms) === id);
    return { id, startMs, endMs };
  }

  #idAt(kind: PeriodKind, ms: number): string {
    const format = this.#format;
    if (format === undefined) return new Date(ms).toISOString().slice(0, kind === 'monthly' ? 7 : 10);
    const parts: Partial<Record<Intl.DateTimeFormatPartTypes, string>> = {};
    for (const { type, value } of format.formatToParts(ms)) parts[type] = value;
    const month = `${(parts.year ?? '').padStart(4, '0')}-${parts.month ?? ''}`;
    return kind === 'monthly' ? month : `${month}-${parts.day ?? ''}`;
  }
}

/**
 * The first millisecond at which `holds` is true. It must be false at `low`, true at `high`, and
 * change only once.
 */
function firstMs(low: number, high: number, holds: (ms: number) => boolean): number {
  let [before, after] = [low, high];
  while (after - before > 1) {
    const middle = Math.floor((before + after) / 2);
    if (holds(middle)) after = middle;
    else before = middle;
  }
  return after;
}
