// Owns the buckets that several gateways share: one script, one round trip and the server's clock for each verdict, so that replicas
// agree to the token. The arithmetic is bucket.ts's, in microseconds. What happens while Redis is away is fallback-limiter.ts's.
import type { BucketState, Charge, Verdict } from './limiter.ts';

/** What is asked of a Redis client. Rejects when there is no connection or the command failed. */
export interface ScriptRunner {
  run(script: string, keys: readonly string[], args: readonly string[]): Promise<unknown>;
}

/**
 * KEYS: the buckets, all in one slot. ARGV: for each one the microseconds of a token, the burst and the cost.
 * Answers {index of the charge that refused or -1, microseconds to wait, then the debt of each in microseconds}.
 * A number is stored as text without loss: microseconds since 1970 are below 2^53. A full bucket is an absent one, hence the expiry.
 */
const bucketScript = `
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000000 + tonumber(time[2])
local debts, refusedBy, wait = {}, -1, 0
for i, key in ipairs(KEYS) do
  local token, burst, cost = tonumber(ARGV[3 * i - 2]), tonumber(ARGV[3 * i - 1]), tonumber(ARGV[3 * i])
  local fullAt = tonumber(redis.call('GET', key) or '0')
  local debt = math.max(0, fullAt - now)
  debts[i] = debt
  local missing = debt + cost * token - burst * token
  if missing > 1 and missing > wait then
    refusedBy, wait = i - 1, missing
  end
end
local answer = {refusedBy, math.ceil(wait)}
for i, key in ipairs(KEYS) do
  if refusedBy == -1 then
    debts[i] = debts[i] + tonumber(ARGV[3 * i]) * tonumber(ARGV[3 * i - 2])
    redis.call('SET', key, string.format('%.0f', now + debts[i]), 'PX', math.ceil(debts[i] / 1000) + 1)
  end
  answer[i + 2] = math.ceil(debts[i])
end
return answer
`;

export class RedisLimiter {
  readonly #redis: ScriptRunner;
  readonly #prefix: string;

  /** `namespace`: gateways that share one share their limits. One fixed hash tag: a script's keys must be in one slot. */
  constructor(redis: ScriptRunner, namespace: string) {
    this.#redis = redis;
    this.#prefix = `{${namespace}}:rate:`;
  }

  /** Rejects when Redis can't say. */
  async take(charges: readonly Charge[]): Promise<Verdict> {
    // A cost above the burst is never paid: Redis need not be asked, and would not know how to say so.
    const hopeless = charges.findIndex(({ cost, rate }) => cost > rate.burst);
    const keys = charges.map((charge) => this.#prefix + bucketName(charge));
    const args = charges.flatMap(({ rate, cost }, index) => {
      const asked = hopeless === -1 ? cost : index === hopeless ? rate.burst + 1 : 0;
      return [String(1_000_000 / rate.requestsPerSecond), String(rate.burst), String(asked)];
    });
    const answer = numbers(await this.#redis.run(bucketScript, keys, args), charges.length + 2);
    const [refusedBy = -1, waitUs = 0, ...debtsUs] = answer;
    return {
      refusedBy: refusedBy === -1 ? undefined : refusedBy,
      retryAfterMs: hopeless === -1 ? waitUs / 1000 : Infinity,
      states: charges.map((charge, index) => stateOf(charge, debtsUs[index] ?? 0)),
    };
  }
}

/** Levels share one space of names; their names can't meet. */
function bucketName({ level, id }: Charge): string {
  return `${level}:${id}`;
}

function stateOf({ rate }: Charge, debtUs: number): BucketState {
  const left = rate.burst - (debtUs * rate.requestsPerSecond) / 1_000_000;
  return { remaining: Math.max(0, Math.floor(left + 1e-3)), resetMs: debtUs / 1000 };
}

/** Throws TypeError when the answer is not the script's: another program may use our names. */
function numbers(answer: unknown, length: number): number[] {
  if (Array.isArray(answer) && answer.length === length) {
    const all = answer.map(Number);
    if (all.every(Number.isFinite)) return all;
  }
  throw new TypeError('the rate limit script gave an answer that is not its own');
}
