// Measures whether memory grows: a robust slope through samples, because garbage collection makes
// any two of them differ.
import type { Sample } from './process-watch.ts';

export interface Growth {
  readonly bytesPerMinute: number;
  /** The slope over the whole measured time. */
  readonly bytes: number;
  readonly medianBytes: number;
}

/** More points cost time and do not improve the result. */
const maxPoints = 300;

/** Theil-Sen: the median of the slopes of all pairs; up to 29 % of the samples may be outliers. */
export function growthOf(samples: readonly Sample[]): Growth {
  const step = Math.max(1, Math.ceil(samples.length / maxPoints));
  const points = samples.filter((_, i) => i % step === 0);
  const slopes: number[] = [];
  points.forEach((a, i) => {
    for (const b of points.slice(i + 1)) slopes.push((b.rssBytes - a.rssBytes) / (b.atMs - a.atMs));
  });
  const perMs = median(slopes);
  const spanMs = (samples.at(-1)?.atMs ?? 0) - (samples[0]?.atMs ?? 0);
  return {
    bytesPerMinute: perMs * 60_000,
    bytes: perMs * spanMs,
    medianBytes: median(samples.map(({ rssBytes }) => rssBytes)),
  };
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[sorted.length >> 1] ?? 0;
}
