import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { redisMissing, RedisServer } from '../../test/helpers/redis-server.ts';
import { systemClock } from '../kernel/clock.ts';
import { Deadlines } from '../kernel/deadlines.ts';
import { FallbackLimiter } from './fallback-limiter.ts';
import type { Charge, Rate } from './limiter.ts';
import { LocalLimiter } from './local-limiter.ts';
import { MemoryLimiter } from './memory-limiter.ts';
import { QuotaLedger } from './quota-ledger.ts';
import { connectRedis } from './redis-client.ts';
import { RedisLimiter } from './redis-limiter.ts';

const options = { skip: redisMissing };

function charge(rate: Rate, more: Partial<Charge> = {}): Charge {
  return { level: 'key', id: 'a', cost: 1, rate, ...more };
}

interface Replica {
  readonly limiter: FallbackLimiter;
  readonly changes: string[];
  readonly admits: (charges: readonly Charge[]) => Promise<boolean>;
  /** Resolves with the next change. */
  readonly change: () => Promise<string>;
}

function replica(t: TestContext, server: RedisServer): Replica {
  const redis = connectRedis(server.url, { failed: () => undefined });
  t.after(() => {
    redis.close();
  });
  const ledger = new QuotaLedger({ clock: systemClock });
  const changes: string[] = [];
  let told: (state: string) => void = () => undefined;
  const limiter = new FallbackLimiter({
    shared: new RedisLimiter({ redis, namespace: 'test', ledger, clock: systemClock }),
    local: new LocalLimiter(new MemoryLimiter({ clock: systemClock }), ledger),
    deadlines: new Deadlines(systemClock),
    clock: systemClock,
    // Of a machine that runs a whole test suite at once.
    deadlineMs: 1_000,
    changed: (state) => {
      changes.push(state);
      told(state);
    },
  });
  return {
    limiter,
    changes,
    admits: async (charges) => (await limiter.take(charges)).refusedBy === undefined,
    change: () =>
      new Promise((resolve) => {
        told = resolve;
      }),
  };
}

/** Asks until the shared buckets answer. */
async function untilShared({ limiter }: Replica): Promise<void> {
  const other = charge({ requestsPerSecond: 1e6, burst: 1e6 }, { id: 'probe' });
  do {
    await limiter.take([other]);
    await setImmediate();
  } while (!limiter.shared);
}

test('replicas share a bucket to the token', options, async (t) => {
  const server = await RedisServer.start(t);
  const replicas = [replica(t, server), replica(t, server), replica(t, server)];
  await Promise.all(replicas.map(untilShared));
  // So slow that not one token comes back meanwhile.
  const slow = charge({ requestsPerSecond: 0.001, burst: 50 });
  const admitted = await Promise.all(
    replicas.flatMap(({ admits }) => Array.from({ length: 40 }, () => admits([slow]))),
  );
  assert.equal(admitted.filter(Boolean).length, 50);
});

test('charged to none when one refuses, with what is left and when to come back', options, async (t) => {
  const server = await RedisServer.start(t);
  const shared = replica(t, server);
  await untilShared(shared);
  const wide = charge({ requestsPerSecond: 0.001, burst: 10 }, { level: 'global' });
  const narrow = charge({ requestsPerSecond: 0.001, burst: 1 });
  assert.equal(await shared.admits([wide, narrow]), true);
  const refused = await shared.limiter.take([wide, narrow]);
  assert.equal(refused.refusedBy, 1);
  assert.equal(refused.states[0]?.remaining, 9);
  assert.ok(refused.retryAfterMs > 990_000 && refused.retryAfterMs <= 1_000_000);
  const after = await shared.limiter.take([wide]);
  assert.equal(after.states[0]?.remaining, 8);
  const never = await shared.limiter.take([charge({ requestsPerSecond: 1, burst: 1 }, { id: 'b', cost: 2 })]);
  assert.equal(never.retryAfterMs, Infinity);
});

test('while the store is away each replica limits by itself, and shares again once it is back', options, async (t) => {
  const server = await RedisServer.start(t);
  const one = replica(t, server);
  await untilShared(one);
  const slow = charge({ requestsPerSecond: 0.001, burst: 2 });
  assert.equal(await one.admits([slow]), true);
  await server.kill();
  const away = one.change();
  const admitted = [await one.admits([slow]), await one.admits([slow]), await one.admits([slow])];
  // One token was taken before: the loss of the store is no new burst.
  assert.deepEqual(admitted, [true, false, false]);
  assert.equal(await away, 'local');
  await server.restart();
  await untilShared(one);
  assert.deepEqual(one.changes.slice(-2), ['local', 'shared']);
  assert.equal(await one.admits([slow]), true);
});

test('a store that is frozen costs a request no more than the deadline', options, async (t) => {
  const server = await RedisServer.start(t);
  const one = replica(t, server);
  await untilShared(one);
  server.freeze();
  // A late answer is a hiccup; three in a row are a store that is away.
  const slow = charge({ requestsPerSecond: 0.001, burst: 1 });
  const admitted = await Promise.all([one.admits([slow]), one.admits([slow]), one.admits([slow])]);
  assert.deepEqual(admitted, [true, false, false]);
  assert.deepEqual(one.changes.at(-1), 'local');
  server.thaw();
  await untilShared(one);
});
