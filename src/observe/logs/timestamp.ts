// Timestamps of log lines. Formatting a Date takes longer than the rest of a line, so the part up
// to the seconds is cached.

let second = NaN;
let upToSecond = '';

/**
 * `2026-01-02T03:04:05.678Z`, like Date's toISOString(), in a tenth of the time
 * (bench/micro/observe.ts).
 */
export function timestamp(ms: number): string {
  const rest = ms % 1000;
  if (ms - rest !== second) {
    second = ms - rest;
    upToSecond = new Date(second).toISOString().slice(0, -4);
  }
  return `${upToSecond}${rest < 10 ? '00' : rest < 100 ? '0' : ''}${rest}Z`;
}
