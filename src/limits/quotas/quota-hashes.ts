// The layout of quota usage in Redis: one hash per day and month with four fields per key; the
// hashes expire. All gateways that share limits share them.
import { counts } from './quota.ts';

/**
 * One fixed hash tag for everything that is shared: the keys of a script must be in one slot of a
 * cluster.
 */
export function quotaPrefix(namespace: string): string {
  return `{${namespace}}:quota:`;
}

/** Field names of a key in a hash, in the order of `counts`. */
export function fieldsOf(key: string): string[] {
  return counts.map((count) => `${count}:${key}`);
}

/** Longer than the period, however late in it the last change comes. */
export function keptMs(period: string): number {
  const days = period.length === 'yyyy-mm'.length ? 40 : 3;
  return days * 86_400_000;
}
