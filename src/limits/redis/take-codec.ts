// Encodes the arguments of the scripts in redis-scripts.ts, and decodes the replies of takeScript.
import type { BucketState, Charge, Verdict } from '../limiter.ts';
import type { Bucket } from '../memory-limiter.ts';
import { type Account, amountsOf, counts, type QuotaState, resources } from '../quotas/quota.ts';
import { keptMs } from '../quotas/quota-hashes.ts';
import type { UsageRecord } from '../quotas/quota-ledger.ts';

/**
 * Keys and arguments of the buckets. `hopeless`: the index of a cost above the burst, which can
 * never be paid, or -1.
 */
export function bucketsOf(
  charges: readonly Charge[],
  prefix: string,
): { keys: string[]; args: string[]; hopeless: number } {
  // The script has no reply for "never".
  const hopeless = charges.findIndex(({ cost, rate }) => cost > rate.burst);
  const keys = charges.map((charge) => prefix + bucketName(charge));
  const args = [String(charges.length)];
  for (const [index, { rate, cost }] of charges.entries()) {
    // Exceeds the burst by more than a microsecond's tokens, which the script would take for
    // rounding.
    const tooMany = rate.burst + Math.max(1, rate.requestsPerSecond);
    const asked = hopeless === -1 ? cost : index === hopeless ? tooMany : 0;
    args.push(tokenUs(rate.requestsPerSecond), String(rate.burst), String(asked));
  }
  return { keys, args, hopeless };
}

/**
 * Fields of the script's reply before the debts: index of the rejecting bucket or quota, the wait,
 * whether quotas were counted.
 */
export const headLength = 3;

export function verdictOf(charges: readonly Charge[], reply: readonly number[], hopeless: number): Verdict {
  const [refusedBy = -1, waitUs = 0] = reply;
  return {
    refusedBy: refusedBy >= 0 && refusedBy < charges.length ? refusedBy : undefined,
    retryAfterMs: hopeless === -1 ? waitUs / 1000 : Infinity,
    states: charges.map((charge, index) => stateOf(charge, reply[headLength + index] ?? 0)),
  };
}

function tokenUs(requestsPerSecond: number): string {
  return String(1_000_000 / requestsPerSecond);
}

/**
 * The script's arguments for a period: the expiry of its hash, the known sums, and the sums at
 * which a quota is used up, given what only this gateway has counted. Refunds known only here are
 * left out: they may be on their way to Redis, and would be refunded twice.
 */
export function askOf({ period, limits, kept, own }: Account): string[] {
  const known = counts.map((count) => String(kept[count]));
  const most = resources.map((resource) => {
    const limit = limits[resource];
    return limit === undefined ? '' : String(limit - own[resource]);
  });
  return [String(keptMs(period.id)), ...known, ...most];
}

export function totalsOf(key: string, accounts: readonly Account[], sums: readonly number[]): UsageRecord[] {
  return accounts.map(({ period }, index) => ({
    ...{ key, period: period.id },
    used: amountsOf((_, at) => sums[index * counts.length + at] ?? 0),
  }));
}

/** The script numbers all resources that can be limited, and only some of them are. */
export function quotaAt(accounts: readonly Account[], states: readonly QuotaState[], index: number): QuotaState {
  const kind = accounts[Math.floor(index / resources.length)]?.kind;
  const resource = resources[index % resources.length];
  const found = states.find((state) => state.kind === kind && state.resource === resource);
  if (found === undefined) throw notOurs();
  return { ...found, remaining: 0 };
}

/** Levels share one namespace; the prefix keeps their names apart. */
export function bucketName({ level, id }: Bucket): string {
  return `${level}:${id}`;
}

function stateOf({ rate }: Charge, debtUs: number): BucketState {
  const left = rate.burst - (debtUs * rate.requestsPerSecond) / 1_000_000;
  return { remaining: Math.max(0, Math.floor(left + 1e-3)), resetMs: debtUs / 1000 };
}

/** Throws TypeError when the reply is not the script's. */
export function numbers(reply: unknown, length: number): number[] {
  if (Array.isArray(reply) && reply.length === length) {
    const all = reply.map(Number);
    if (all.every(Number.isFinite)) return all;
  }
  throw notOurs();
}

/** Another program may use the same names. */
export function notOurs(): TypeError {
  return new TypeError('the rate limit script returned an unexpected reply');
}
