// Adds the usage counted by one gateway to the shared quota usage in Redis, and reads the shared
// totals. Requests admitted by Redis are already counted there (redis-limiter.ts).
import { randomUUID } from 'node:crypto';
import type { UsageStore } from '../quotas/quota-keeper.ts';
import { amountsOf, counts } from '../quotas/quota.ts';
import { fieldsOf, keptMs, quotaPrefix } from '../quotas/quota-hashes.ts';
import type { UsageChange, UsageRecord } from '../quotas/quota-ledger.ts';
import type { ScriptRunner } from './redis-limiter.ts';
import { addScript, readScript } from './redis-scripts.ts';

export interface RedisQuotaStoreOptions {
  readonly redis: ScriptRunner;
  /** Gateways with the same namespace share their quotas. */
  readonly namespace: string;
  /** The current periods. */
  readonly periods: () => readonly string[];
  /** Closes the connection, which belongs to the caller. */
  readonly close: () => void;
}

export class RedisQuotaStore implements UsageStore {
  readonly #options: RedisQuotaStoreOptions;
  readonly #prefix: string;
  readonly #writer = randomUUID();
  /** Number of the next batch; a retry reuses it. */
  #number = 1;

  constructor(options: RedisQuotaStoreOptions) {
    this.#options = options;
    this.#prefix = quotaPrefix(options.namespace);
  }

  async load(): Promise<readonly UsageRecord[]> {
    const periods = this.#options.periods();
    const keys = periods.map((period) => this.#prefix + period);
    const hashes = list(await this.#options.redis.run(readScript, keys, []));
    return periods.flatMap((period, i) => recordsOf(period, list(hashes[i])));
  }

  /** Every write is a single command: there is nothing to prepare. */
  prepare(): Promise<readonly UsageRecord[]> {
    return Promise.resolve([]);
  }

  async save(batch: readonly UsageChange[]): Promise<readonly UsageRecord[]> {
    const periods = [...new Set(batch.map(({ period }) => period))];
    const keys = [`${this.#prefix}writer:${this.#writer}`, ...periods.map((period) => this.#prefix + period)];
    const args = [String(this.#number)];
    for (const { key, period, used, added } of batch) {
      // Lua counts from 1, and the first key is the writer's.
      const at = periods.indexOf(period) + 2;
      const names = fieldsOf(key);
      for (const [i, count] of counts.entries()) {
        const known = used[count] - added[count];
        args.push(String(at), String(keptMs(period)), names[i] ?? '', integer(known), integer(added[count]));
      }
    }
    const sums = list(await this.#options.redis.run(addScript, keys, args));
    if (sums.length !== batch.length * counts.length) throw notOurs();
    this.#number += 1;
    return batch.map(({ key, period }, i) => ({
      ...{ key, period },
      used: amountsOf((_, at) => amountIn(sums[i * counts.length + at])),
    }));
  }

  close(): Promise<void> {
    this.#options.close();
    return Promise.resolve();
  }
}

/** Formatted so that Redis and Lua read it without loss. */
function integer(amount: number): string {
  return String(Math.min(Number.MAX_SAFE_INTEGER, Math.max(0, Math.trunc(amount))));
}

function recordsOf(period: string, fields: readonly unknown[]): UsageRecord[] {
  const byKey = new Map<string, Map<string, unknown>>();
  for (let i = 0; i < fields.length; i += 2) {
    const name = String(fields[i]);
    const colon = name.indexOf(':');
    const key = name.slice(colon + 1);
    const sums = byKey.get(key) ?? new Map<string, unknown>();
    byKey.set(key, sums.set(name.slice(0, colon), fields[i + 1]));
  }
  return Array.from(byKey, ([key, sums]) => ({
    key,
    period,
    used: amountsOf((count) => ourAmount(sums.get(count))),
  }));
}

/**
 * Returns 0 for a value that another program left under the name of a sum; the other sums are still
 * valid.
 */
function ourAmount(field: unknown): number {
  const amount = Number(field ?? 0);
  return Number.isSafeInteger(amount) && amount >= 0 ? amount : 0;
}

/** Parses a sum in a reply of Redis. */
function amountIn(reply: unknown): number {
  const amount = Number(reply);
  if (!Number.isFinite(amount)) throw notOurs();
  return Math.max(0, amount);
}

function list(reply: unknown): readonly unknown[] {
  if (Array.isArray(reply)) return reply;
  throw notOurs();
}

/** Another program may use the same names. */
function notOurs(): TypeError {
  return new TypeError('the quota script returned an unexpected reply');
}
