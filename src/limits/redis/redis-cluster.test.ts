// Tests the connection and the limits with a real Redis cluster: at its start, while a slot moves,
// and when a node goes away.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { systemClock } from '../../kernel/clock.ts';
import { charge, startReplica } from '../../../test/helpers/limiter-replica.ts';
import { startCluster } from '../../../test/helpers/redis-cluster.ts';
import { redisMissing } from '../../../test/helpers/redis-server.ts';
import { connectRedis } from './redis-client.ts';

const options = { skip: redisMissing, timeout: 120_000 };
/** The machine may be busy. */
const connectTimeoutMs = 60_000;
const increment = `return redis.call('INCR', KEYS[1])`;

test('a start on a healthy cluster rejects no command, whatever node is configured', options, async (t) => {
  const { nodes } = await startCluster(t);
  for (const [i, { url }] of nodes.entries()) {
    const faults: string[] = [];
    let returns = 0;
    const redis = connectRedis({ url }, systemClock, {
      connectTimeoutMs,
      connected: () => (returns += 1),
      failed: ({ message }) => faults.push(message),
    });
    t.after(() => {
      redis.close();
    });
    // Commands sent before the connection, while the redirection is followed, and after it.
    const asked: Promise<unknown>[] = [];
    let repliesLeft = 50;
    while (repliesLeft > 0) {
      t.signal.throwIfAborted();
      const reply = redis.run(increment, [`{tag}:${i}`], []);
      reply.then(
        () => (repliesLeft -= 1),
        () => (repliesLeft = 0),
      );
      asked.push(reply);
      await setImmediate();
    }
    const counts = await Promise.all(asked);
    assert.deepEqual(
      counts.map(Number).sort((a, b) => a - b),
      counts.map((_, at) => at + 1),
    );
    assert.deepEqual([returns, faults], [1, []]);
  }
});

test('shares limits from the first request on, without a warning', options, async (t) => {
  const { nodes } = await startCluster(t);
  const replicas = nodes.map((node) => startReplica(t, node, { deadlineMs: 30_000 }));
  const slow = charge({ requestsPerSecond: 0.001, burst: 50 });
  const wide = charge({ requestsPerSecond: 0.001, burst: 1_000 }, { level: 'global' });
  const admitted = await Promise.all(
    replicas.flatMap(({ admits }) => Array.from({ length: 40 }, () => admits([wide, slow]))),
  );
  assert.equal(admitted.filter(Boolean).length, 50);
  assert.deepEqual(
    replicas.map(({ changes }) => changes),
    [[], [], []],
  );
});

test(
  'while a slot moves, each command goes to the node with its keys, and then to the new owner',
  options,
  async (t) => {
    const cluster = await startCluster(t);
    const source = await cluster.ownerOf('{tag}');
    const target = cluster.otherThan(source);
    const faults: string[] = [];
    let returns = 0;
    const redis = connectRedis({ url: source.url }, systemClock, {
      connectTimeoutMs,
      connected: () => (returns += 1),
      failed: ({ message }) => faults.push(message),
    });
    t.after(() => {
      redis.close();
    });
    const count = (key: string): Promise<unknown> => redis.run(increment, [`{tag}:${key}`], []);
    assert.deepEqual(await Promise.all([count('a'), count('b')]), [1, 1]);
    const move = await cluster.move('{tag}', source, target);
    // `a` and `b` have not moved yet, `c` does not exist yet.
    assert.deepEqual(await Promise.all([count('a'), count('b'), count('c'), count('c')]), [2, 2, 1, 2]);
    await move.moveKeys('{tag}:a');
    assert.deepEqual(await Promise.all([count('a'), count('b'), count('a'), count('c')]), [3, 3, 4, 3]);
    assert.equal(
      await target.admin('CLUSTER', 'COUNTKEYSINSLOT', String(await target.admin('CLUSTER', 'KEYSLOT', '{tag}'))),
      2,
    );
    await move.moveKeys('{tag}:b');
    await move.finish();
    assert.deepEqual(await Promise.all([count('a'), count('b'), count('c')]), [5, 4, 4]);
    assert.deepEqual([returns, faults], [1, []]);
  },
);

test('limits stay shared to the token while their slot moves', options, async (t) => {
  const cluster = await startCluster(t);
  const source = await cluster.ownerOf('{test}');
  const target = cluster.otherThan(source);
  const [one, two] = [source, target].map((node) => startReplica(t, node, { deadlineMs: 30_000 })) as [
    ReturnType<typeof startReplica>,
    ReturnType<typeof startReplica>,
  ];
  const global = charge({ requestsPerSecond: 0.001, burst: 1_000 }, { level: 'global' });
  const ofKey = (id: string) => charge({ requestsPerSecond: 0.001, burst: 20 }, { id });
  const admitted = { a: 0, b: 0 };
  const ask = async (id: 'a' | 'b'): Promise<void> => {
    const all = [one, two, one, two].map(({ admits }) => admits([global, ofKey(id)]));
    admitted[id] += (await Promise.all(all)).filter(Boolean).length;
  };
  await ask('a');
  const move = await cluster.move('{test}', source, target);
  // The bucket of b is created on the target node while the global bucket is still on the source.
  for (const id of ['a', 'b'] as const) await ask(id);
  await move.moveKeys('{test}:rate:key:a');
  for (const id of ['a', 'b'] as const) await ask(id);
  await move.moveKeys('{test}:rate:global:a', '{test}:epoch');
  for (const id of ['a', 'b'] as const) await ask(id);
  await move.finish();
  for (let i = 0; i < 4; i += 1) for (const id of ['a', 'b'] as const) await ask(id);
  assert.deepEqual(admitted, { a: 20, b: 20 });
  assert.deepEqual([one.changes, two.changes], [[], []]);
  // What one bucket rejected is refunded: the global bucket has lost only what was admitted.
  const left = (await one.limiter.take([{ ...global, cost: 0 }])).states[0]?.remaining;
  assert.equal(left, 1_000 - 40);
});

test('finds the node with the keys again after an outage, without reporting recovery', options, async (t) => {
  const cluster = await startCluster(t);
  const owner = await cluster.ownerOf('{tag}');
  const configured = cluster.otherThan(owner);
  const { promise: ready, resolve } = Promise.withResolvers<undefined>();
  let returns = 0;
  const redis = connectRedis({ url: configured.url }, systemClock, {
    connected: () => {
      returns += 1;
      resolve(undefined);
    },
    failed: () => undefined,
    connectTimeoutMs,
  });
  t.after(() => {
    redis.close();
  });
  await ready;
  const count = (): Promise<unknown> => redis.run(increment, ['{tag}:a'], []);
  assert.equal(await count(), 1);
  await owner.server.kill();
  await assert.rejects(count());
  // From here on the configured node redirects to a node that is gone.
  for (;;) {
    t.signal.throwIfAborted();
    const reason = await count().catch(String);
    if (reason === `Error: the cluster node 127.0.0.1:${owner.port}: nothing listens there (ECONNREFUSED)`) break;
    await setImmediate();
  }
  await owner.restart();
  let reply: unknown;
  while (reply === undefined) {
    t.signal.throwIfAborted();
    reply = await count().catch(() => undefined);
    await setImmediate();
  }
  assert.equal(reply, 1);
  // The configured node was there all the time.
  assert.equal(returns, 1);
});
