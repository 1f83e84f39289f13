// Limits shared by several gateways: one script, one round trip and the server's clock per verdict,
// so that replicas agree exactly. fallback-limiter.ts handles the times when Redis is away.
import { randomUUID } from 'node:crypto';
import type { Clock } from '../../kernel/clock.ts';
import { ignore } from '../../kernel/ignore.ts';
import type { SharedStore } from '../fallback-limiter.ts';
import type { BucketState, Charge, Verdict } from '../limiter.ts';
import type { Debt } from '../memory-limiter.ts';
import { counts, judgeQuotas, type QuotaCharge } from '../quotas/quota.ts';
import { fieldsOf, quotaPrefix } from '../quotas/quota-hashes.ts';
import type { QuotaLedger } from '../quotas/quota-ledger.ts';
import { epochScript, payScript, takeScript } from './redis-scripts.ts';
import { StoreReplyError } from '../store-reply.ts';
import {
  askOf,
  bucketName,
  bucketsOf,
  headLength,
  notOurs,
  numbers,
  quotaAt,
  totalsOf,
  verdictOf,
} from './take-codec.ts';

/**
 * What the limiter needs of a Redis client. Rejects when there is no connection or the command
 * failed.
 */
export interface ScriptRunner {
  run(script: string, keys: readonly string[], args: readonly string[]): Promise<unknown>;
}

export interface RedisLimiterOptions {
  readonly redis: ScriptRunner;
  /** Gateways with the same namespace share their limits. */
  readonly namespace: string;
  /** Holds what this gateway has counted by itself, and receives the shared totals. */
  readonly ledger: QuotaLedger;
  readonly clock: Clock;
}

/** How long a key whose quotas Redis rejects is counted locally before Redis is asked again. */
const quotaRestMs = 1_000;
const maxRestingQuotas = 10_000;

export class RedisLimiter implements SharedStore {
  readonly #options: RedisLimiterOptions;
  readonly #bucketPrefix: string;
  readonly #quotaPrefix: string;
  readonly #epochKey: string;
  /** Keys whose quotas Redis rejects -> monotonic time of the next attempt. */
  readonly #restingQuotas = new Map<string, number>();

  constructor(options: RedisLimiterOptions) {
    this.#options = options;
    this.#bucketPrefix = `{${options.namespace}}:rate:`;
    this.#quotaPrefix = quotaPrefix(options.namespace);
    this.#epochKey = `{${options.namespace}}:epoch`;
  }

  /**
   * Rejects when Redis cannot decide about the buckets; it may have charged them nevertheless. An
   * error that concerns only the quotas of a key affects that key alone: they are counted in the
   * ledger, and the buckets stay shared.
   */
  async take(charges: readonly Charge[], quota?: QuotaCharge): Promise<Verdict> {
    if (quota === undefined) return this.#takeBuckets(charges);
    if (this.#quotaRests(quota.key)) return this.#countHere(charges, quota, await this.#takeBuckets(charges));
    try {
      const verdict = await this.#takeBoth(charges, quota);
      if (verdict.quota !== undefined) return verdict;
      this.#restQuota(quota.key);
      return this.#countHere(charges, quota, verdict);
    } catch (error) {
      if (!(error instanceof StoreReplyError)) throw error;
      // If the buckets alone fail too, the error concerns the whole store.
      const verdict = await this.#takeBuckets(charges);
      this.#restQuota(quota.key);
      return this.#countHere(charges, quota, verdict);
    }
  }

  /** Refunds tokens. Quotas are refunded through the ledger. Rejects when Redis fails. */
  async give(charges: readonly Charge[]): Promise<void> {
    if (charges.length === 0) return;
    const keys = charges.map((charge) => this.#bucketPrefix + bucketName(charge));
    const args = charges.map(({ rate, cost }) => String((-cost * 1_000_000) / rate.requestsPerSecond));
    try {
      await this.#options.redis.run(payScript, keys, args);
    } catch (error) {
      if (!isSlotMoving(error) || charges.length === 1) throw error;
      await this.#giveEach(charges);
    }
  }

  async pay(debts: readonly Debt[]): Promise<readonly Debt[]> {
    const keys = debts.map((debt) => this.#bucketPrefix + bucketName(debt));
    const args = debts.map(({ debtMs }) => String(debtMs * 1_000));
    try {
      const left = numbers(await this.#options.redis.run(payScript, keys, args), debts.length);
      return debts.map(({ level, id }, index) => ({ level, id, debtMs: (left[index] ?? 0) / 1000 }));
    } catch (error) {
      if (!isSlotMoving(error) || debts.length === 1) throw error;
      return (await Promise.all(debts.map((debt) => this.pay([debt])))).flat();
    }
  }

  async epoch(): Promise<string> {
    const name = await this.#options.redis.run(epochScript, [this.#epochKey], [randomUUID()]);
    if (typeof name === 'string') return name;
    throw notOurs();
  }

  async #takeBuckets(charges: readonly Charge[]): Promise<Verdict> {
    if (charges.length === 0) return { refusedBy: undefined, retryAfterMs: 0, states: [] };
    const { keys, args, hopeless } = bucketsOf(charges, this.#bucketPrefix);
    try {
      const reply = numbers(await this.#options.redis.run(takeScript, keys, args), headLength + charges.length);
      return verdictOf(charges, reply, hopeless);
    } catch (error) {
      if (!isSlotMoving(error) || charges.length === 1) throw error;
      return this.#takeEach(charges);
    }
  }

  /**
   * While a cluster moves our slot, the buckets may be spread over two nodes, and no script can
   * reach both. Then each bucket is charged separately, and refunded when a later one rejects:
   * never too much is admitted, at worst too little.
   */
  async #takeEach(charges: readonly Charge[]): Promise<Verdict> {
    const states: BucketState[] = [];
    for (const [index, charge] of charges.entries()) {
      const verdict = await this.#takeBuckets([charge]);
      states.push(...verdict.states);
      if (verdict.refusedBy === undefined) continue;
      await this.#giveEach(charges.slice(0, index));
      const asked = await Promise.all(charges.map((one) => this.#takeBuckets([{ ...one, cost: 0 }])));
      return { ...verdict, refusedBy: index, states: asked.flatMap((one) => one.states) };
    }
    return { refusedBy: undefined, retryAfterMs: 0, states };
  }

  async #giveEach(charges: readonly Charge[]): Promise<void> {
    await Promise.all(charges.map((charge) => this.give([charge])));
  }

  /** Returns a verdict without `quota` when Redis rejects the counting. */
  async #takeBoth(charges: readonly Charge[], quota: QuotaCharge): Promise<Verdict> {
    const { redis, ledger, clock } = this.#options;
    const { keys, args, hopeless } = bucketsOf(charges, this.#bucketPrefix);
    const nowMs = clock.wallMs();
    const accounts = ledger.accounts(quota, nowMs);
    args.push(...fieldsOf(quota.key));
    for (const account of accounts) {
      keys.push(this.#quotaPrefix + account.period.id);
      args.push(...askOf(account));
    }
    const length = headLength + charges.length + accounts.length * counts.length;
    const reply = numbers(await redis.run(takeScript, keys, args), length);
    const verdict = verdictOf(charges, reply, hopeless);
    const [refusedBy = -1, , counted] = reply;
    if (counted !== 1) return verdict;
    ledger.learn(totalsOf(quota.key, accounts, reply.slice(headLength + charges.length)));
    const { states } = judgeQuotas(ledger.again(quota.key, accounts), nowMs);
    const usedUp = refusedBy < charges.length ? undefined : quotaAt(accounts, states, refusedBy - charges.length);
    return { ...verdict, quota: { refusedBy: usedUp, states } };
  }

  /**
   * Lets the ledger decide about the quotas, as LocalLimiter does; the quota store later writes
   * what it counts to Redis.
   */
  #countHere(charges: readonly Charge[], quota: QuotaCharge, verdict: Verdict): Verdict {
    const { ledger } = this.#options;
    const before = ledger.look(quota);
    if (before.refusedBy !== undefined) {
      if (verdict.refusedBy === undefined) this.give(charges).catch(ignore);
      return { ...verdict, refusedBy: undefined, retryAfterMs: 0, quota: before };
    }
    if (verdict.refusedBy !== undefined) return { ...verdict, quota: before };
    ledger.count(quota);
    return { ...verdict, quota: { ...ledger.look(quota), refusedBy: undefined } };
  }

  #quotaRests(key: string): boolean {
    const untilMs = this.#restingQuotas.get(key);
    if (untilMs === undefined) return false;
    if (this.#options.clock.monotonicMs() < untilMs) return true;
    this.#restingQuotas.delete(key);
    return false;
  }

  #restQuota(key: string): void {
    if (this.#restingQuotas.size >= maxRestingQuotas) this.#restingQuotas.clear();
    this.#restingQuotas.set(key, this.#options.clock.monotonicMs() + quotaRestMs);
  }
}

function isSlotMoving(error: unknown): boolean {
  return error instanceof StoreReplyError && error.reply === 'TRYAGAIN';
}
