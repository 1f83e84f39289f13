// Parses and formats durations (`250ms 30s 5m 24h 1h30m`) in milliseconds. Not `ms`: it does not
// read `1h30m`, and takes negative times and years.

/** Largest first: the order of the parts in a duration. */
const units = [
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1000],
  ['ms', 1],
] as const;

/** For JSON Schema, and as the first check of a text. */
export const durationPattern = '^(0|(\\d+(\\.\\d+)?h)?(\\d+(\\.\\d+)?m)?(\\d+(\\.\\d+)?s)?(\\d+ms)?)$';

const durationForm = /^(?:([\d.]+)h)?(?:([\d.]+)m)?(?:([\d.]+)s)?(?:([\d.]+)ms)?$/;
const numberForm = /^\d+(?:\.\d+)?$/;
/** Longer texts are rejected: their numbers would not be exact. */
const maxCharacters = 40;

/** Whole milliseconds; undefined for an invalid duration. A number without a unit must be 0. */
export function parseDuration(text: string): number | undefined {
  if (text === '0') return 0;
  const parts = text.length <= maxCharacters ? durationForm.exec(text)?.slice(1) : undefined;
  if (parts === undefined || text === '') return undefined;
  let totalMs = 0;
  for (const [i, [, unitMs]] of units.entries()) {
    const part = parts[i];
    if (part === undefined) continue;
    if (!numberForm.test(part)) return undefined;
    totalMs += Number(part) * unitMs;
  }
  const wholeMs = Math.round(totalMs);
  // 0.1s is 100 ms despite binary fractions; 0.5ms is rejected, because timers have no such
  // resolution.
  return Math.abs(totalMs - wholeMs) < 1e-6 && Number.isSafeInteger(wholeMs) ? wholeMs : undefined;
}

/** The shortest usual spelling: 300000 becomes `5m`, 5400000 becomes `1h30m`. */
export function formatDuration(ms: number): string {
  if (ms === 0) return '0s';
  let restMs = ms;
  let text = '';
  for (const [unit, unitMs] of units) {
    const count = Math.floor(restMs / unitMs);
    if (count > 0) text += `${count}${unit}`;
    restMs -= count * unitMs;
  }
  return text;
}
