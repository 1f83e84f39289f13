// Owns the limits that several gateways share: one script, one round trip and the server's clock for each verdict, so that replicas
// agree to the token and to the request. What happens while Redis is away is fallback-limiter.ts's.
import type { Clock } from '../kernel/clock.ts';
import type { BucketState, Charge, Verdict } from './limiter.ts';
import { type Account, amountsOf, counts, judgeQuotas, type QuotaCharge, type QuotaState, resources } from './quota.ts';
import { fieldsOf, keptMs, quotaPrefix } from './quota-hashes.ts';
import type { QuotaLedger, UsageRecord } from './quota-ledger.ts';
import { payScript, takeScript } from './redis-scripts.ts';

/** What is asked of a Redis client. Rejects when there is no connection or the command failed. */
export interface ScriptRunner {
  run(script: string, keys: readonly string[], args: readonly string[]): Promise<unknown>;
}

export interface RedisLimiterOptions {
  readonly redis: ScriptRunner;
  /** Gateways that share one share their limits. */
  readonly namespace: string;
  /** Knows what this gateway has counted by itself, and learns what all have. */
  readonly ledger: QuotaLedger;
  readonly clock: Clock;
}

export class RedisLimiter {
  readonly #options: RedisLimiterOptions;
  readonly #bucketPrefix: string;
  readonly #quotaPrefix: string;

  constructor(options: RedisLimiterOptions) {
    this.#options = options;
    this.#bucketPrefix = `{${options.namespace}}:rate:`;
    this.#quotaPrefix = quotaPrefix(options.namespace);
  }

  /** Rejects when Redis can't say; it may have charged all the same. */
  async take(charges: readonly Charge[], quota?: QuotaCharge): Promise<Verdict> {
    const { redis, ledger, clock } = this.#options;
    // A cost above the burst is never paid: Redis need not be asked, and would not know how to say so.
    const hopeless = charges.findIndex(({ cost, rate }) => cost > rate.burst);
    const keys = charges.map((charge) => this.#bucketPrefix + bucketName(charge));
    const args = [String(charges.length)];
    for (const [index, { rate, cost }] of charges.entries()) {
      // More than a microsecond's tokens too many: what is less may be rounding.
      const tooMany = rate.burst + Math.max(1, rate.requestsPerSecond);
      const asked = hopeless === -1 ? cost : index === hopeless ? tooMany : 0;
      args.push(tokenUs(rate.requestsPerSecond), String(rate.burst), String(asked));
    }
    const nowMs = clock.wallMs();
    const accounts = quota === undefined ? [] : ledger.accounts(quota, nowMs);
    if (quota !== undefined) {
      args.push(...fieldsOf(quota.key));
      for (const account of accounts) {
        keys.push(this.#quotaPrefix + account.period.id);
        args.push(...askOf(account));
      }
    }
    const length = 2 + charges.length + accounts.length * counts.length;
    const answer = numbers(await redis.run(takeScript, keys, args), length);
    const [refusedBy = -1, waitUs = 0] = answer;
    const debtsUs = answer.slice(2);
    const verdict = {
      refusedBy: refusedBy >= 0 && refusedBy < charges.length ? refusedBy : undefined,
      retryAfterMs: hopeless === -1 ? waitUs / 1000 : Infinity,
      states: charges.map((charge, index) => stateOf(charge, debtsUs[index] ?? 0)),
    };
    if (quota === undefined) return verdict;
    ledger.learn(totalsOf(quota.key, accounts, answer.slice(2 + charges.length)));
    const { states } = judgeQuotas(ledger.again(quota.key, accounts), nowMs);
    const usedUp = refusedBy < charges.length ? undefined : quotaAt(accounts, states, refusedBy - charges.length);
    return { ...verdict, quota: { refusedBy: usedUp, states } };
  }

  /** Puts tokens back. What was counted in quotas goes back through the ledger. Rejects when Redis can't say. */
  give(charges: readonly Charge[]): Promise<void> {
    return this.#pay(charges, -1);
  }

  /** Takes tokens, also where there are none left: they are owed. Rejects when Redis can't say. */
  charge(charges: readonly Charge[]): Promise<void> {
    return this.#pay(charges, 1);
  }

  async #pay(charges: readonly Charge[], sign: 1 | -1): Promise<void> {
    const keys = charges.map((charge) => this.#bucketPrefix + bucketName(charge));
    const args = charges.map(({ rate, cost }) => String((sign * cost * 1_000_000) / rate.requestsPerSecond));
    await this.#options.redis.run(payScript, keys, args);
  }
}

function tokenUs(requestsPerSecond: number): string {
  return String(1_000_000 / requestsPerSecond);
}

/**
 * As the script takes them: how long the hash is kept, what is known to be in it, and the sums in it at which a quota is used up, given
 * what was counted here alone. What was given back here alone is left out: it may be under way, and would be given back twice.
 */
function askOf({ period, limits, kept, own }: Account): string[] {
  const known = counts.map((count) => String(kept[count]));
  const most = resources.map((resource) => {
    const limit = limits[resource];
    return limit === undefined ? '' : String(limit - own[resource]);
  });
  return [String(keptMs(period.id)), ...known, ...most];
}

function totalsOf(key: string, accounts: readonly Account[], sums: readonly number[]): UsageRecord[] {
  return accounts.map(({ period }, index) => ({
    ...{ key, period: period.id },
    used: amountsOf((_, at) => sums[index * counts.length + at] ?? 0),
  }));
}

/** The script counts what might be limited; only some of it is. */
function quotaAt(accounts: readonly Account[], states: readonly QuotaState[], index: number): QuotaState {
  const kind = accounts[Math.floor(index / resources.length)]?.kind;
  const resource = resources[index % resources.length];
  const found = states.find((state) => state.kind === kind && state.resource === resource);
  if (found === undefined) throw notOurs();
  return { ...found, remaining: 0 };
}

/** Levels share one space of names; their names can't meet. */
function bucketName({ level, id }: Charge): string {
  return `${level}:${id}`;
}

function stateOf({ rate }: Charge, debtUs: number): BucketState {
  const left = rate.burst - (debtUs * rate.requestsPerSecond) / 1_000_000;
  return { remaining: Math.max(0, Math.floor(left + 1e-3)), resetMs: debtUs / 1000 };
}

/** Throws TypeError when the answer is not the script's. */
function numbers(answer: unknown, length: number): number[] {
  if (Array.isArray(answer) && answer.length === length) {
    const all = answer.map(Number);
    if (all.every(Number.isFinite)) return all;
  }
  throw notOurs();
}

/** Another program may use our names. */
function notOurs(): TypeError {
  return new TypeError('the rate limit script gave an answer that is not its own');
}
