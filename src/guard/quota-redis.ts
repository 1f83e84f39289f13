// Owns what several gateways have used of quotas together: each adds what it has counted, and learns what all have. A hash for each day
// and month, which Redis forgets by itself.
import { randomUUID } from 'node:crypto';
import type { UsageStore } from './quota-keeper.ts';
import { resources, type Amounts, type Resource, type UsageChange, type UsageRecord } from './quota-ledger.ts';
import type { ScriptRunner } from './redis-limiter.ts';

/**
 * KEYS: who writes, then the hash of each period. ARGV: the batch's number, then for each change the index of its hash among KEYS, the
 * milliseconds that the hash is kept, the field's name, and what to add. A batch whose number is known has been added before, and its
 * answer was lost. Answers the sum of each.
 */
const addScript = `
local fresh = redis.call('GET', KEYS[1]) ~= ARGV[1]
local sums = {}
for at = 2, #ARGV, 4 do
  local hash = KEYS[tonumber(ARGV[at])]
  sums[#sums + 1] = redis.call('HINCRBY', hash, ARGV[at + 2], fresh and ARGV[at + 3] or '0')
  redis.call('PEXPIRE', hash, ARGV[at + 1])
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', 86400000)
return sums
`;

/** The hashes, field by field. Answers for each a list of name, sum, … */
const readScript = `
local hashes = {}
for i, key in ipairs(KEYS) do hashes[i] = redis.call('HGETALL', key) end
return hashes
`;

/** Longer than the period, whenever in it the last change comes. */
const keptMs = { day: 3 * 86_400_000, month: 40 * 86_400_000 } as const;

export interface QuotaRedisOptions {
  readonly redis: ScriptRunner;
  /** Gateways that share one share their quotas. One fixed hash tag: a script's keys must be in one slot. */
  readonly namespace: string;
  /** Those that are not over. */
  readonly periods: () => readonly string[];
  /** It is the caller's, and so is the connection. */
  readonly close: () => void;
}

export class QuotaRedis implements UsageStore {
  readonly #options: QuotaRedisOptions;
  readonly #prefix: string;
  readonly #writer = randomUUID();
  /** Of the batch that comes next, again if need be. */
  #number = 1;

  constructor(options: QuotaRedisOptions) {
    this.#options = options;
    this.#prefix = `{${options.namespace}}:quota:`;
  }

  async load(): Promise<readonly UsageRecord[]> {
    const periods = this.#options.periods();
    const keys = periods.map((period) => this.#prefix + period);
    const hashes = list(await this.#options.redis.run(readScript, keys, []));
    return periods.flatMap((period, i) => recordsOf(period, list(hashes[i])));
  }

  async save(batch: readonly UsageChange[]): Promise<readonly UsageRecord[]> {
    const periods = [...new Set(batch.map(({ period }) => period))];
    const keys = [`${this.#prefix}writer:${this.#writer}`, ...periods.map((period) => this.#prefix + period)];
    const args = [String(this.#number)];
    for (const { key, period, added } of batch) {
      // Lua counts from 1, and the first key is the writer's.
      const at = periods.indexOf(period) + 2;
      const kept = period.length === 7 ? keptMs.month : keptMs.day;
      for (const resource of resources) {
        args.push(String(at), String(kept), `${resource}:${key}`, String(added[resource]));
      }
    }
    const sums = list(await this.#options.redis.run(addScript, keys, args));
    if (sums.length !== batch.length * resources.length) throw notOurs();
    this.#number += 1;
    return batch.map(({ key, period }, i) => ({
      ...{ key, period },
      used: amountsOf((_, at) => sums[i * resources.length + at]),
    }));
  }

  close(): Promise<void> {
    this.#options.close();
    return Promise.resolve();
  }
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
  return Array.from(byKey, ([key, sums]) => ({ key, period, used: amountsOf((resource) => sums.get(resource) ?? 0) }));
}

function amountsOf(sum: (resource: Resource, index: number) => unknown): Amounts {
  const [requests = 0, bytes = 0, llmTokens = 0] = resources.map((resource, index) => {
    const amount = Number(sum(resource, index));
    if (!Number.isFinite(amount)) throw notOurs();
    return Math.max(0, amount);
  });
  return { requests, bytes, llmTokens };
}

function list(answer: unknown): readonly unknown[] {
  if (Array.isArray(answer)) return answer;
  throw notOurs();
}

/** Another program may use our names. */
function notOurs(): TypeError {
  return new TypeError('the quota script gave an answer that is not its own');
}
