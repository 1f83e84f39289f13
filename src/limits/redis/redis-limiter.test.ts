import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { charge, startReplica, untilShared } from '../../../test/helpers/limiter-replica.ts';
import { startProtectedRedis } from '../../../test/helpers/protected-redis.ts';
import { redisMissing, RedisServer } from '../../../test/helpers/redis-server.ts';
import { markedSecret } from '../../../test/secrecy/marks.ts';
import { none, type QuotaCharge, type QuotaLimits } from '../quotas/quota.ts';
import { QuotaCalendar } from '../quotas/quota-calendar.ts';
import { QuotaLedger } from '../quotas/quota-ledger.ts';
import { RedisLimiter, type ScriptRunner } from './redis-limiter.ts';

const options = { skip: redisMissing };

test('replicas share a bucket to the token', options, async (t) => {
  const server = await RedisServer.start(t);
  const replicas = [startReplica(t, server), startReplica(t, server), startReplica(t, server)];
  await Promise.all(replicas.map(untilShared));
  // Slow enough that no token is refilled during the test.
  const slow = charge({ requestsPerSecond: 0.001, burst: 50 });
  const admitted = await Promise.all(
    replicas.flatMap(({ admits }) => Array.from({ length: 40 }, () => admits([slow]))),
  );
  assert.equal(admitted.filter(Boolean).length, 50);
});

test('charges no bucket if one rejects, and reports what is left and when to retry', options, async (t) => {
  const server = await RedisServer.start(t);
  const shared = startReplica(t, server);
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
  for (const requestsPerSecond of [0.001, 1, 1e6, 1e9]) {
    const never = await shared.limiter.take([wide, charge({ requestsPerSecond, burst: 1 }, { id: 'b', cost: 2 })]);
    assert.deepEqual([never.refusedBy, never.retryAfterMs, never.states[0]?.remaining], [1, Infinity, 8]);
  }
});

test('the permissions listed in the guide suffice for limits and quotas', options, async (t) => {
  const password = markedSecret('user');
  const rights = '+@read +@write +@scripting +@connection +time';
  const { place } = await startProtectedRedis(
    t,
    markedSecret('password'),
    `gateway on >${password} ~{test}* ${rights}`,
  );
  const shared = startReplica(t, { url: `redis://gateway:${password}@${place}` }, { deadlineMs: 30_000 });
  const quotas = { calendar: new QuotaCalendar('UTC'), daily: { requests: 2 }, monthly: undefined };
  const slow = charge({ requestsPerSecond: 0.001, burst: 3 });
  const admitted: boolean[] = [];
  for (let i = 0; i < 3; i += 1) admitted.push(await shared.admits([slow], { key: 'a', quotas }));
  assert.deepEqual(admitted, [true, true, false]);
  await shared.keeper.keep();
  assert.deepEqual([shared.changes, shared.limiter.shared], [[], true]);
  // Another gateway sees the usage.
  const other = startReplica(t, { url: `redis://gateway:${password}@${place}` }, { deadlineMs: 30_000 });
  assert.deepEqual([await other.admits([], { key: 'a', quotas }), await other.admits([slow])], [false, true]);
});

test('refunded tokens are available to all replicas', options, async (t) => {
  const server = await RedisServer.start(t);
  const [one, two] = [startReplica(t, server), startReplica(t, server)];
  await Promise.all([one, two].map(untilShared));
  const slow = charge({ requestsPerSecond: 0.001, burst: 2 });
  assert.deepEqual([await one.admits([slow]), await one.admits([slow]), await two.admits([slow])], [true, true, false]);
  one.limiter.give([slow]);
  // Sent on the same connection: its response shows that the refund is done.
  assert.equal(await one.admits([{ ...slow, cost: 0 }]), true);
  assert.deepEqual([await two.admits([slow]), await two.admits([slow])], [true, false]);
});

test('replaces a key of another type under the name of a bucket', options, async (t) => {
  const server = await RedisServer.start(t);
  let redis: ScriptRunner | undefined;
  const shared = startReplica(t, server, { through: (connected) => (redis = connected) });
  await untilShared(shared);
  shared.changes.length = 0;
  const slow = charge({ requestsPerSecond: 0.001, burst: 1 });
  for (const [turn, command] of [`'SET', KEYS[1], 'words'`, `'HSET', KEYS[1], 'a', 1`].entries()) {
    const leave = `redis.call('DEL', KEYS[1]) return redis.call(${command})`;
    await redis?.run(leave, ['{test}:rate:key:a'], []);
    assert.deepEqual([await shared.admits([slow]), await shared.admits([slow])], [true, false]);
    await redis?.run(leave, ['{test}:rate:key:a'], []);
    shared.limiter.give([slow]);
    // Waits for the refund: the server knows neither script, so it runs this one after the refund.
    await redis?.run(`return ${turn}`, [], []);
    assert.deepEqual([await shared.admits([slow]), await shared.admits([slow])], [true, false]);
  }
  assert.deepEqual(shared.changes, []);
});

test(
  'after a limit is raised, a caller that used it up waits for at most two bursts of the new limit',
  options,
  async (t) => {
    const server = await RedisServer.start(t);
    const shared = startReplica(t, server);
    await untilShared(shared);
    const slow = { requestsPerSecond: 0.001, burst: 10 };
    assert.ok(await shared.admits([charge(slow, { cost: 10 })]));
    const fast = { requestsPerSecond: 10, burst: 10 };
    const refused = await shared.limiter.take([charge(fast)]);
    assert.equal(refused.refusedBy, 0);
    assert.ok(refused.retryAfterMs <= 1_100);
    // The bucket is corrected, not just the verdict: otherwise it would be found empty each time.
    assert.equal((await shared.limiter.take([charge(slow)])).states[0]?.remaining, 8);
  },
);

describe('quotas shared by replicas', options, () => {
  const calendar = new QuotaCalendar('UTC');
  const quotaOf = (monthly: QuotaLimits, key = 'a'): QuotaCharge => ({
    key,
    quotas: { calendar, daily: undefined, monthly },
  });
  const wide = charge({ requestsPerSecond: 1e6, burst: 1e6 });

  test('admit exactly the quota in total, in any race of replicas and refunds', async (t) => {
    const server = await RedisServer.start(t);
    const replicas = Array.from({ length: 4 }, () => startReplica(t, server));
    await Promise.all(replicas.map(untilShared));
    for (const { changes } of replicas) changes.length = 0;
    let round = 0;
    const turn = fc.record({
      who: fc.nat(3),
      tries: fc.nat(40),
      gives: fc.nat(3),
      keeps: fc.boolean(),
      waits: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 100 }), fc.array(turn, { maxLength: 12 }), async (limit, turns) => {
        round += 1;
        const quota = quotaOf({ requests: limit }, `key-${round}`);
        let begun = 0;
        const tries: Promise<unknown>[] = [];
        for (const { who, tries: count, gives, keeps, waits } of turns) {
          const { admits, limiter, keeper } = replicas[who] ?? assert.fail();
          let left = gives;
          for (let i = 0; i < count; i += 1) {
            const one = admits([wide], quota).then((admitted) => {
              if (!admitted) return;
              begun += 1;
              if (left-- <= 0) return;
              limiter.give([wide], quota);
              begun -= 1;
            });
            tries.push(one);
          }
          if (keeps) tries.push(keeper.keep());
          if (waits) await Promise.all(tries);
          assert.ok(begun <= limit);
        }
        await Promise.all(tries);
        for (const { keeper } of replicas) await keeper.keep();
        // By now every refund is visible to all gateways.
        const rest = await Promise.all(
          replicas.flatMap(({ admits }) => Array.from({ length: limit }, () => admits([wide], quota))),
        );
        assert.equal(begun + rest.filter(Boolean).length, limit);
      }),
      { numRuns: 40 },
    );
    for (const { changes } of replicas) assert.deepEqual(changes, []);
  });

  test('all or nothing: a rejected request is charged to no bucket and counted in no quota', async (t) => {
    const server = await RedisServer.start(t);
    const [one, two] = [startReplica(t, server), startReplica(t, server)];
    await Promise.all([one, two].map(untilShared));
    const narrow = charge({ requestsPerSecond: 0.001, burst: 2 }, { id: 'narrow' });
    const three = quotaOf({ requests: 3 });
    assert.ok((await one.admits([narrow], three)) && (await two.admits([narrow], three)));
    const limited = await one.limiter.take([narrow], three);
    assert.deepEqual([limited.refusedBy, limited.quota?.refusedBy], [0, undefined]);
    assert.equal(limited.quota?.states[0]?.remaining, 1);
    assert.ok(await two.admits([wide], three));
    const other = charge({ requestsPerSecond: 0.001, burst: 1 }, { id: 'other' });
    const refused = await one.limiter.take([other], three);
    assert.deepEqual([refused.refusedBy, refused.quota?.refusedBy?.resource], [undefined, 'requests']);
    assert.ok(await two.admits([other]));
  });

  test('report the quota that rejects: daily or monthly, requests, bytes or tokens', async (t) => {
    const server = await RedisServer.start(t);
    const one = startReplica(t, server);
    await untilShared(one);
    const all = { requests: 1, bytes: 1, llmTokens: 1 };
    const cases: [QuotaCharge['quotas'], Partial<typeof none>, string][] = [
      [{ calendar, daily: { requests: 1 }, monthly: { requests: 5 } }, {}, 'daily requests'],
      [{ calendar, daily: { requests: 5 }, monthly: { requests: 1 } }, {}, 'monthly requests'],
      [{ calendar, daily: { bytes: 7 }, monthly: undefined }, { bytes: 7 }, 'daily bytes'],
      [
        { calendar, daily: undefined, monthly: { bytes: 9, llmTokens: 7 } },
        { bytes: 8, llmTokens: 9 },
        'monthly llmTokens',
      ],
      [{ calendar, daily: { requests: 9, bytes: 9 }, monthly: all }, { bytes: 1 }, 'monthly requests'],
    ];
    for (const [index, [quotas, used, expected]] of cases.entries()) {
      const quota = { key: `key-${index}`, quotas };
      assert.ok(await one.admits([wide], quota), expected);
      one.ledger.add(quota, { ...none, ...used });
      const { quota: verdict } = await one.limiter.take([wide], quota);
      assert.equal(`${verdict?.refusedBy?.kind} ${verdict?.refusedBy?.resource}`, expected);
      assert.equal(verdict?.refusedBy?.remaining, 0);
    }
  });

  test('bytes and tokens count for all replicas once one has reported them', async (t) => {
    const server = await RedisServer.start(t);
    const [one, two] = [startReplica(t, server), startReplica(t, server)];
    await Promise.all([one, two].map(untilShared));
    const some = quotaOf({ bytes: 100 });
    one.ledger.add(some, { ...none, bytes: 100 });
    assert.deepEqual([await one.admits([wide], some), await two.admits([wide], some)], [false, true]);
    await one.keeper.keep();
    assert.deepEqual([await one.admits([wide], some), await two.admits([wide], some)], [false, false]);
  });

  test('while the store is down each replica counts separately, later reports count once, and no loss reopens a quota', async (t) => {
    const server = await RedisServer.start(t);
    const [one, two] = [startReplica(t, server), startReplica(t, server)];
    await Promise.all([one, two].map(untilShared));
    const six = quotaOf({ requests: 6 });
    assert.ok((await one.admits([wide], six)) && (await two.admits([wide], six)));
    assert.ok(await one.admits([wide], six));
    await server.kill();
    // Known usage: three here, two there.
    assert.ok(await one.admits([wide], six));
    assert.ok(await two.admits([wide], six));
    await server.restart();
    await Promise.all([one, two].map(untilShared));
    await one.keeper.keep();
    await two.keeper.keep();
    // Redis has lost everything; five requests were admitted.
    const three = startReplica(t, server);
    await untilShared(three);
    const admitted = [await one.admits([wide], six), await three.admits([wide], six), await two.admits([wide], six)];
    assert.deepEqual(admitted, [true, false, false]);
  });
});

test('a request rejected at the end of the day waits for that end, even if others already use the next day', async () => {
  const midnightMs = Date.parse('2026-11-25T00:00:00Z');
  let nowMs = midnightMs - 10;
  const clock = { monotonicMs: () => 0, wallMs: () => nowMs };
  const ledger = new QuotaLedger({ clock });
  const quotas = { calendar: new QuotaCalendar('UTC'), daily: { requests: 1 }, monthly: undefined };
  const redis = {
    run: () => {
      nowMs = midnightMs;
      ledger.look({ key: 'b', quotas });
      // The reply: the first quota after the single bucket rejected, with one request counted.
      return Promise.resolve([1, 0, 1, 0, 1, 0, 0, 0]);
    },
  };
  const limiter = new RedisLimiter({ redis, namespace: 'test', ledger, clock });
  const { quota } = await limiter.take([charge({ requestsPerSecond: 1, burst: 1 })], { key: 'a', quotas });
  assert.equal(quota?.refusedBy?.resetMs, 10);
});
