// A broken value of one account in Redis affects that account only: the buckets and the other
// accounts stay shared.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { charge, type Replica, startReplica, untilShared } from '../../test/helpers/limiter-replica.ts';
import { redisMissing, RedisServer } from '../../test/helpers/redis-server.ts';
import { none, type QuotaCharge } from './quotas/quota.ts';
import { QuotaCalendar } from './quotas/quota-calendar.ts';
import type { ScriptRunner } from './redis/redis-limiter.ts';

const day = '{test}:quota:2026-11-24';
const daily = { requests: 5 };
const quotas = { calendar: new QuotaCalendar('UTC'), daily, monthly: { requests: 1_000 } };
const wide = charge({ requestsPerSecond: 1e6, burst: 1e6 }, { id: 'wide' });
const rounds = 30;

/** `together`: the number of requests that three gateways admit with a quota of 5. */
const faults: readonly { what: string; settings?: readonly string[]; leave?: string; together: number }[] = [
  { what: 'a counter that is not a number', leave: `redis.call('HSET', KEYS[1], 'requests:a', 'abc')`, together: 5 },
  { what: 'a counter that is not finite', leave: `redis.call('HSET', KEYS[1], 'requests:a', 'inf')`, together: 5 },
  {
    what: 'a counter at the maximum integer',
    leave: `redis.call('HSET', KEYS[1], 'requests:a', '9223372036854775807')`,
    together: 5,
  },
  { what: 'a key of another type', leave: `redis.call('DEL', KEYS[1]) redis.call('SET', KEYS[1], 'x')`, together: 5 },
  {
    what: 'a user without permission for hash commands',
    settings: ['--user', 'default', 'on', 'nopass', '~*', '+@all', '-@hash'],
    together: 15,
  },
  {
    what: 'a user without permission for quota keys',
    settings: ['--user', 'default', 'on', 'nopass', '~{test}:rate:*', '~{test}:epoch', '+@all'],
    together: 15,
  },
];

for (const { what, settings = [], leave, together } of faults) {
  test(`${what}: the limits of others stay shared`, { skip: redisMissing }, async (t) => {
    const server = await RedisServer.start(t);
    await server.kill();
    await server.restart(...settings);
    let redis: ScriptRunner | undefined;
    const replicas = Array.from({ length: 3 }, () =>
      startReplica(t, server, { through: (connected) => (redis = connected) }),
    );
    await Promise.all(replicas.map(untilShared));
    for (const { changes } of replicas) changes.length = 0;
    if (leave !== undefined) await redis?.run(`${leave} return 1`, [day], []);
    const quota: QuotaCharge = { key: 'a', quotas };
    const slow = charge({ requestsPerSecond: 0.001, burst: 10 }, { id: 'b' });
    const admitted = { quota: 0, bucket: 0 };
    const ask = async ({ admits }: Replica): Promise<void> => {
      if (await admits([wide], quota)) admitted.quota += 1;
      if (await admits([slow])) admitted.bucket += 1;
    };
    for (let round = 0; round < rounds; round += 1) await Promise.all(replicas.map(ask));
    assert.deepEqual(
      replicas.flatMap(({ changes }) => changes),
      [],
    );
    assert.deepEqual(admitted, { quota: together, bucket: 10 });
  });
}

test(
  'a broken counter does not stop other accounts from being saved or loaded, and is not added twice',
  { skip: redisMissing },
  async (t) => {
    const server = await RedisServer.start(t);
    let redis: ScriptRunner | undefined;
    const [one, two] = [
      startReplica(t, server, { through: (connected) => (redis = connected) }),
      startReplica(t, server),
    ];
    await Promise.all([one, two].map(untilShared));
    await redis?.run(`redis.call('HSET', KEYS[1], 'bytes:b', 'abc') return 1`, [day], []);
    for (const key of ['a', 'b', 'c']) one.ledger.add({ key, quotas }, { ...none, bytes: 7 });
    for (let turn = 0; turn < 3; turn += 1) await one.keeper.keep();
    await redis?.run(`redis.call('HSET', KEYS[1], 'bytes:c', 'abc') return 1`, [day], []);
    await two.keeper.keep();
    const noon = Date.parse('2026-11-24T12:00:00Z');
    const loaded = ['a', 'b', 'c'].map((key) => two.ledger.accounts({ key, quotas }, noon)[0]?.kept.bytes);
    assert.deepEqual(loaded, [7, 7, 0]);
    const sums = await redis?.run(`return redis.call('HMGET', KEYS[1], 'bytes:a', 'bytes:b', 'bytes:c')`, [day], []);
    assert.deepEqual(sums, ['7', '7', 'abc']);
  },
);
