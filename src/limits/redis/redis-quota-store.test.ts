import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test, type TestContext } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { systemClock } from '../../kernel/clock.ts';
import { redisMissing, RedisServer } from '../../../test/helpers/redis-server.ts';
import { isAdmitted } from '../limiter.ts';
import { LocalLimiter } from '../local-limiter.ts';
import { MemoryLimiter } from '../memory-limiter.ts';
import { type KeyQuotas, none } from '../quotas/quota.ts';
import { QuotaCalendar } from '../quotas/quota-calendar.ts';
import { QuotaKeeper } from '../quotas/quota-keeper.ts';
import { QuotaLedger } from '../quotas/quota-ledger.ts';
import { RedisQuotaStore } from './redis-quota-store.ts';
import { connectRedis } from './redis-client.ts';
import type { ScriptRunner } from './redis-limiter.ts';

const options = { skip: redisMissing };
const clock = { monotonicMs: () => 0, wallMs: () => Date.parse('2026-11-24T12:00:00Z') };
const quotas: KeyQuotas = { calendar: new QuotaCalendar('UTC'), daily: { requests: 10 }, monthly: { llmTokens: 100 } };
const charge = { key: 'a', quotas };

interface Replica {
  readonly ledger: QuotaLedger;
  readonly keeper: QuotaKeeper;
  readonly changes: string[];
  readonly take: () => boolean;
  readonly left: () => readonly number[];
}

async function replica(
  t: TestContext,
  server: RedisServer,
  through = (redis: ScriptRunner) => redis,
): Promise<Replica> {
  const redis = connectRedis({ url: server.url }, systemClock, { failed: () => undefined });
  const ledger = new QuotaLedger({ clock });
  const limiter = new LocalLimiter(new MemoryLimiter({ clock }), ledger);
  const store = new RedisQuotaStore({
    redis: through(redis),
    namespace: 'test',
    periods: () => ['2026-11-24', '2026-11'],
    close: () => {
      redis.close();
    },
  });
  const changes: string[] = [];
  // The test itself triggers each write.
  const keeper = new QuotaKeeper({ ledger, store, everyMs: 1e9, changed: (state) => changes.push(state) });
  t.after(() => keeper.close());
  await keeper.open(10_000);
  return {
    ...{ ledger, keeper, changes },
    take: () => isAdmitted(limiter.take([], charge)),
    left: () => ledger.look(charge).states.map(({ remaining }) => remaining),
  };
}

test("replicas learn each other's usage, and so does one that starts later", options, async (t) => {
  const server = await RedisServer.start(t);
  const [one, two] = [await replica(t, server), await replica(t, server)];
  for (let i = 0; i < 4; i += 1) assert.ok(one.take() && two.take());
  two.ledger.add(charge, { ...none, bytes: 5, llmTokens: 60 });
  await one.keeper.keep();
  await two.keeper.keep();
  assert.deepEqual(two.left(), [2, 40]);
  assert.deepEqual(one.left(), [6, 100]);
  assert.ok(one.take());
  await one.keeper.keep();
  assert.deepEqual(one.left(), [1, 40]);
  const three = await replica(t, server);
  assert.deepEqual(three.left(), [1, 40]);
  assert.deepEqual([three.take(), three.take()], [true, false]);
});

test(
  'while Redis is down each replica counts separately; afterwards nothing is lost or counted twice',
  options,
  async (t) => {
    const server = await RedisServer.start(t);
    const one = await replica(t, server);
    one.take();
    await one.keeper.keep();
    await server.kill();
    one.take();
    await one.keeper.keep();
    one.take();
    await one.keeper.keep();
    assert.deepEqual(one.changes, ['failing']);
    assert.deepEqual(one.left(), [7, 100]);
    await server.restart();
    while (one.changes.length < 2) {
      await one.keeper.keep();
      await setTimeout(10);
    }
    assert.deepEqual(one.changes, ['failing', 'kept']);
    // Redis came back empty: the usage that it lost is still known here, and is restored.
    assert.deepEqual(one.left(), [7, 100]);
    await one.keeper.keep();
    const two = await replica(t, server);
    assert.deepEqual(two.left(), [7, 100]);
  },
);

test('does not add a batch again if its response was lost', options, async (t) => {
  const server = await RedisServer.start(t);
  let lost = 0;
  const one = await replica(t, server, (redis) => ({
    run: async (script, keys, args) => {
      const reply = await redis.run(script, keys, args);
      if (script.includes('HINCRBY') && lost++ < 2) throw new Error('the connection ended');
      return reply;
    },
  }));
  one.take();
  for (let i = 0; i < 3; i += 1) await one.keeper.keep();
  assert.deepEqual(one.changes, ['failing', 'kept']);
  one.take();
  await one.keeper.keep();
  assert.deepEqual((await replica(t, server)).left(), [8, 100]);
});

test('an invalid response is a fault, not usage', options, async (t) => {
  const server = await RedisServer.start(t);
  const one = await replica(t, server, (redis) => ({
    run: (script, keys, args) => (script.includes('HINCRBY') ? Promise.resolve(['x']) : redis.run(script, keys, args)),
  }));
  one.take();
  await one.keeper.keep();
  assert.deepEqual(one.changes, ['failing']);
  assert.deepEqual(one.left(), [9, 100]);
});

test('a store that does not respond delays neither start nor shutdown for long', async (t) => {
  const controller = new AbortController();
  t.after(() => {
    controller.abort();
  });
  const never = async (): Promise<never> => {
    await once(controller.signal, 'abort');
    throw new Error('it ended');
  };
  const changes: string[] = [];
  const store = { load: never, prepare: never, save: never, close: () => Promise.resolve() };
  const keeper = new QuotaKeeper({
    ...{ store, ledger: new QuotaLedger({ clock }), closingMs: 20 },
    changed: (state) => changes.push(state),
  });
  await keeper.open(20);
  await keeper.close();
  assert.deepEqual(changes, []);
});

test(
  'a store that fails does not delay the start, and its reason is reported at once',
  { timeout: 30_000 },
  async () => {
    const reasons: string[] = [];
    const fails = (): Promise<never> => Promise.reject(new Error('it replied NOAUTH'));
    const store = { load: fails, prepare: fails, save: fails, close: () => Promise.resolve() };
    const keeper = new QuotaKeeper({
      ...{ store, ledger: new QuotaLedger({ clock }), everyMs: 1e9 },
      changed: (_, reason) => reasons.push(reason),
    });
    await keeper.open(60_000);
    assert.deepEqual(reasons, ['it replied NOAUTH']);
    await keeper.close();
  },
);
