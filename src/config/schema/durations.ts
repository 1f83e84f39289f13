// Owns how durations are spelled (`250ms 30s 5m 24h 1h30m`) and what they are in milliseconds. Knows no setting.

/** Largest first: the order in which the parts of a duration are written. */
const units = [
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1000],
  ['ms', 1],
] as const;

/** For JSON Schema, and the first look at a text. */
export const durationPattern = '^(0|(\\d+(\\.\\d+)?h)?(\\d+(\\.\\d+)?m)?(\\d+(\\.\\d+)?s)?(\\d+ms)?)$';

const durationForm = /^(?:([\d.]+)h)?(?:([\d.]+)m)?(?:([\d.]+)s)?(?:([\d.]+)ms)?$/;
const numberForm = /^\d+(?:\.\d+)?$/;
/** Longer texts are no durations, and numbers in them would not be exact. */
const maxCharacters = 40;

/** Milliseconds, whole; undefined for what is no duration. A bare number has no unit and is one only when it is 0. */
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
  // 0.1s is 100 ms however binary fractions come out; 0.5ms is nothing that a timer can do.
  return Math.abs(totalMs - wholeMs) < 1e-6 && Number.isSafeInteger(wholeMs) ? wholeMs : undefined;
}

/** The shortest usual spelling: 300000 is `5m`, 5400000 is `1h30m`. */
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
