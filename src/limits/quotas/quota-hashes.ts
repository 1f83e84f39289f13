// Owns how what was used of quotas lies in Redis: a hash for each day and month, with four fields for each key, which Redis forgets by
// itself. All that share limits share these.
import { counts } from './quota.ts';

/** One fixed hash tag for everything that is shared: a script's keys must be in one slot of a cluster. */
export function quotaPrefix(namespace: string): string {
  return `{${namespace}}:quota:`;
}

/** Of a hash, in the order of `counts`. */
export function fieldsOf(key: string): string[] {
  return counts.map((count) => `${count}:${key}`);
}

/** Longer than the period, whenever in it the last change comes. */
export function keptMs(period: string): number {
  const days = period.length === 'yyyy-mm'.length ? 40 : 3;
  return days * 86_400_000;
}
