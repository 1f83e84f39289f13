// The limits of one of several gateways that share a Redis, without the rest of the gateway.
import type { TestContext } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { FallbackLimiter } from '../../src/limits/fallback-limiter.ts';
import { type Charge, isAdmitted, type Rate } from '../../src/limits/limiter.ts';
import { LocalLimiter } from '../../src/limits/local-limiter.ts';
import { MemoryLimiter } from '../../src/limits/memory-limiter.ts';
import type { QuotaCharge } from '../../src/limits/quotas/quota.ts';
import { QuotaKeeper } from '../../src/limits/quotas/quota-keeper.ts';
import { QuotaLedger } from '../../src/limits/quotas/quota-ledger.ts';
import { RedisQuotaStore } from '../../src/limits/redis/redis-quota-store.ts';
import { connectRedis } from '../../src/limits/redis/redis-client.ts';
import { RedisLimiter, type ScriptRunner } from '../../src/limits/redis/redis-limiter.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { Deadlines } from '../../src/kernel/work/deadlines.ts';
import type { RedisServer } from './redis-server.ts';

/** Fixed, so that no quota day ends during a test. */
const clock = { ...systemClock, wallMs: () => Date.parse('2026-11-24T12:00:00Z') };

export function charge(rate: Rate, more: Partial<Charge> = {}): Charge {
  return { level: 'key', id: 'a', cost: 1, rate, ...more };
}

export interface Replica {
  readonly limiter: FallbackLimiter;
  readonly ledger: QuotaLedger;
  /** The test triggers each turn. */
  readonly keeper: QuotaKeeper;
  readonly changes: string[];
  readonly admits: (charges: readonly Charge[], quota?: QuotaCharge) => Promise<boolean>;
  /** Resolves with the next change. */
  readonly change: () => Promise<string>;
}

interface ReplicaOptions {
  /** Wraps the connection between the limiter and Redis. */
  readonly through?: (redis: ScriptRunner) => ScriptRunner;
  /** The default suits a machine that runs a whole test suite at once. */
  readonly deadlineMs?: number;
}

export function startReplica(
  t: TestContext,
  server: Pick<RedisServer, 'url'>,
  { through = (redis) => redis, deadlineMs = 1_000 }: ReplicaOptions = {},
): Replica {
  const redis = connectRedis({ url: server.url }, systemClock, { failed: () => undefined, connectTimeoutMs: 60_000 });
  t.after(() => {
    redis.close();
  });
  const ledger = new QuotaLedger({ clock });
  const store = new RedisQuotaStore({
    redis,
    namespace: 'test',
    periods: () => ['2026-11-24', '2026-11'],
    close: () => undefined,
  });
  const keeper = new QuotaKeeper({ ledger, store, everyMs: 1e9, changed: () => undefined });
  t.after(() => keeper.close());
  const changes: string[] = [];
  let notify: (state: string) => void = () => undefined;
  const limiter = new FallbackLimiter({
    shared: new RedisLimiter({ redis: through(redis), namespace: 'test', ledger, clock }),
    local: new LocalLimiter(new MemoryLimiter({ clock }), ledger),
    deadlines: new Deadlines(clock),
    ...{ clock, deadlineMs },
    changed: (state) => {
      changes.push(state);
      notify(state);
    },
  });
  return {
    ...{ limiter, ledger, keeper, changes },
    admits: async (charges, quota) => isAdmitted(await limiter.take(charges, quota)),
    change: () =>
      new Promise((resolve) => {
        notify = resolve;
      }),
  };
}

/** Retries until the shared buckets respond. */
export async function untilShared({ limiter }: Replica): Promise<void> {
  const other = charge({ requestsPerSecond: 1e6, burst: 1e6 }, { id: 'probe' });
  do {
    await limiter.take([other]);
    await setImmediate();
  } while (!limiter.shared);
}
