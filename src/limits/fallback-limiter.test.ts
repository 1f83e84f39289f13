import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { charge, startReplica, untilShared } from '../../test/helpers/limiter-replica.ts';
import { redisMissing, RedisServer } from '../../test/helpers/redis-server.ts';
import { type Charge, isAdmitted } from './limiter.ts';
import { QuotaCalendar } from './quotas/quota-calendar.ts';

const options = { skip: redisMissing };

test(
  'without the store each replica limits separately, and shares again once the store is back',
  options,
  async (t) => {
    const server = await RedisServer.start(t);
    const one = startReplica(t, server);
    await untilShared(one);
    const slow = charge({ requestsPerSecond: 0.001, burst: 2 });
    assert.equal(await one.admits([slow]), true);
    await server.kill();
    const away = one.change();
    const admitted = [await one.admits([slow]), await one.admits([slow]), await one.admits([slow])];
    // One token was taken before: losing the store gives no new burst.
    assert.deepEqual(admitted, [true, false, false]);
    assert.equal(await away, 'local');
    await server.restart();
    await untilShared(one);
    assert.deepEqual(one.changes.slice(-2), ['local', 'shared']);
    assert.equal(await one.admits([slow]), true);
  },
);

test(
  'peek() shows the state of the store: once it is back and empty, requests are no longer rejected locally',
  options,
  async (t) => {
    const server = await RedisServer.start(t);
    const one = startReplica(t, server);
    await untilShared(one);
    const address = charge({ requestsPerSecond: 0.001, burst: 1 }, { level: 'ip' });
    const passes = (): boolean => isAdmitted(one.limiter.peek([address]));
    assert.ok(passes());
    assert.ok(await one.admits([address]));
    assert.ok(!passes());
    await server.kill();
    assert.ok(!(await one.admits([address])));
    assert.ok(!passes());
    await server.restart();
    await untilShared(one);
    assert.ok(passes());
    assert.ok(await one.admits([address]));
    assert.ok(!passes());
  },
);

test('a frozen store delays a request by no more than the deadline', options, async (t) => {
  const server = await RedisServer.start(t);
  const one = startReplica(t, server, { deadlineMs: 100 });
  await untilShared(one);
  one.changes.length = 0;
  server.freeze();
  const slow = charge({ requestsPerSecond: 0.001, burst: 1 });
  const three = (): Promise<boolean[]> => Promise.all([one.admits([slow]), one.admits([slow]), one.admits([slow])]);
  // Any number of concurrent late responses is one hiccup; three in a row mean that the store is
  // away.
  assert.deepEqual([await three(), one.changes], [[true, false, false], []]);
  assert.deepEqual([await three(), one.changes], [[false, false, false], []]);
  assert.deepEqual([await three(), one.changes], [[false, false, false], ['local']]);
  server.thaw();
  await untilShared(one);
});

for (const [what, ...settings] of [
  ['is full', '--maxmemory', '1'],
  ['is a replica', '--replicaof', '127.0.0.1', '1'],
]) {
  test(
    `a store that ${what} accepts no writes, and a rejected request does not count as recovery`,
    options,
    async (t) => {
      const server = await RedisServer.start(t);
      let asked = 0;
      const one = startReplica(t, server, {
        through: (redis) => ({
          run: (...args) => {
            asked += 1;
            return redis.run(...args);
          },
        }),
      });
      await untilShared(one);
      await server.kill();
      await one.admits([charge({ requestsPerSecond: 1, burst: 1 })]);
      one.changes.length = 0;
      await server.restart(...settings);
      const never = charge({ requestsPerSecond: 1, burst: 1 }, { cost: 2 });
      asked = 0;
      while (asked < 3) {
        assert.ok(!(await one.admits([never])));
        // A request without limits writes nothing, so it proves nothing about the store.
        assert.ok(await one.admits([]));
        await setImmediate();
      }
      assert.deepEqual(one.changes, []);
    },
  );
}

test('a response to a request from before the loss does not count as recovery', options, async (t) => {
  const server = await RedisServer.start(t);
  let fails = false;
  const one = startReplica(t, server, {
    through: (redis) => ({
      run: (...args) => (fails ? Promise.reject(new Error('it answers LOADING')) : redis.run(...args)),
    }),
  });
  await untilShared(one);
  one.changes.length = 0;
  const slow = charge({ requestsPerSecond: 0.001, burst: 2 });
  const before = one.admits([slow]);
  fails = true;
  assert.ok(await one.admits([slow]));
  assert.ok(await before);
  assert.deepEqual(one.changes, ['local']);
});

test('stops waiting for responses that always arrive too late', options, async (t) => {
  const server = await RedisServer.start(t);
  let asked = 0;
  let decided: Promise<unknown> | undefined;
  const one = startReplica(t, server, {
    deadlineMs: 20,
    through: (redis) => ({
      run: async (...args) => {
        asked += 1;
        const reply = await redis.run(...args);
        await decided;
        return reply;
      },
    }),
  });
  await untilShared(one);
  one.changes.length = 0;
  asked = 0;
  const slow = charge({ requestsPerSecond: 0.001, burst: 100 });
  // Three questions until the store counts as away, then probes at intervals.
  while (asked < 5) {
    const { promise, resolve } = Promise.withResolvers<undefined>();
    decided = promise;
    await one.admits([slow]);
    resolve(undefined);
    await setImmediate();
  }
  assert.deepEqual(one.changes, ['local']);
});

test('a local decision stands, even if the store later decides differently', options, async (t) => {
  const server = await RedisServer.start(t);
  let reply: (() => Promise<void>) | undefined;
  const one = startReplica(t, server, {
    deadlineMs: 20,
    through: (redis) => ({
      run: async (...args) => {
        const settled = await redis.run(...args);
        await reply?.();
        return settled;
      },
    }),
  });
  const two = startReplica(t, server);
  await Promise.all([one, two].map(untilShared));
  const held = (): (() => Promise<void>) => {
    const { promise, resolve } = Promise.withResolvers<undefined>();
    reply = () => promise;
    return async () => {
      reply = undefined;
      resolve(undefined);
      await setImmediate();
      // On the same connection: its response shows that everything sent before has been processed.
      await one.admits([charge({ requestsPerSecond: 1, burst: 1 }, { cost: 0, id: 'after' })]);
    };
  };
  const debtMs = async (bucket: Charge): Promise<number> =>
    (await two.limiter.take([{ ...bucket, cost: 0 }])).states[0]?.resetMs ?? 0;
  const never = { requestsPerSecond: 0.001, burst: 1 };
  // Admitted locally, without knowing that the other gateway took the token: the bucket now owes
  // one.
  const owing = charge(never, { id: 'owing' });
  assert.ok(await two.admits([owing]));
  let release = held();
  assert.ok(await one.admits([owing]));
  await release();
  assert.ok((await debtMs(owing)) > 1_900_000);
  // Rejected locally, without knowing that the token was refunded: it stays in the bucket for the
  // next request.
  const again = charge(never, { id: 'again' });
  assert.ok(await one.admits([again]));
  two.limiter.give([again]);
  assert.equal(await debtMs(again), 0);
  release = held();
  assert.ok(!(await one.admits([again])));
  await release();
  assert.equal(await debtMs(again), 0);
});

test('a response that arrives too late counts its request once', options, async (t) => {
  const server = await RedisServer.start(t);
  const [arrived, late] = [Promise.withResolvers<undefined>(), Promise.withResolvers<undefined>()];
  let held = false;
  const one = startReplica(t, server, {
    deadlineMs: 20,
    through: (redis) => ({
      run: async (...args) => {
        const reply = await redis.run(...args);
        if (!held) return reply;
        arrived.resolve(undefined);
        await late.promise;
        return reply;
      },
    }),
  });
  await untilShared(one);
  const three = {
    key: 'a',
    quotas: { calendar: new QuotaCalendar('UTC'), daily: { requests: 3 }, monthly: undefined },
  };
  const wide = charge({ requestsPerSecond: 1e6, burst: 1e6 });
  held = true;
  assert.ok(await one.admits([wide], three));
  // On a busy machine the deadline passes before the store responds.
  await arrived.promise;
  held = false;
  late.resolve(undefined);
  await setImmediate();
  await one.keeper.keep();
  const two = startReplica(t, server);
  await untilShared(two);
  const admitted = [await two.admits([wide], three), await two.admits([wide], three), await two.admits([wide], three)];
  assert.deepEqual(admitted, [true, true, false]);
});
