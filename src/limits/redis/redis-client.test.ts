import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { systemClock } from '../../kernel/clock.ts';
import { redisMissing, RedisServer } from '../../../test/helpers/redis-server.ts';
import { connectRedis } from './redis-client.ts';

test(
  'drops a silent connection despite outgoing traffic, and reconnects once a server responds',
  { skip: redisMissing, timeout: 20_000 },
  async (t) => {
    const server = await RedisServer.start(t);
    const faults: string[] = [];
    let ready = Promise.withResolvers<undefined>();
    const redis = connectRedis({ url: server.url }, systemClock, {
      silenceMs: 300,
      connected: () => {
        ready.resolve(undefined);
      },
      failed: ({ message }) => faults.push(message),
    });
    t.after(() => {
      redis.close();
    });
    await ready.promise;
    assert.equal(await redis.run('return 1', [], []), 1);
    server.freeze();
    ready = Promise.withResolvers();
    const asked: Promise<unknown>[] = [];
    while (!faults.includes('it does not respond') && !t.signal.aborted) {
      asked.push(redis.run('return 1', [], []).catch(() => 'failed'));
      await setImmediate();
    }
    assert.deepEqual(new Set(await Promise.all(asked)), new Set(['failed']));
    server.thaw();
    await ready.promise;
    assert.equal(await redis.run('return 1', [], []), 1);
  },
);

test(
  'reconnects when a server has become read-only, without a gap and without reporting recovery',
  { skip: redisMissing, timeout: 20_000 },
  async (t) => {
    const server = await RedisServer.start(t);
    await server.kill();
    await server.restart('--replicaof', '127.0.0.1', '1');
    const { promise: ready, resolve } = Promise.withResolvers<undefined>();
    let returns = 0;
    const lost: string[] = [];
    const redis = connectRedis({ url: server.url }, systemClock, {
      silenceMs: 1_000,
      connected: () => {
        returns += 1;
        resolve(undefined);
      },
      failed: ({ message }) => lost.push(message),
    });
    t.after(() => {
      redis.close();
    });
    await ready;
    const before = await redis.run(`return redis.call('INFO', 'stats')`, [], []);
    const connectionsOf = (info: unknown): number => Number(/total_connections_received:(\d+)/.exec(String(info))?.[1]);
    let now = before;
    while (connectionsOf(now) === connectionsOf(before)) {
      t.signal.throwIfAborted();
      await assert.rejects(redis.run(`return redis.call('SET', KEYS[1], 1)`, ['a'], []), /it replied READONLY/);
      now = await redis.run(`return redis.call('INFO', 'stats')`, [], []);
      await setImmediate();
    }
    assert.deepEqual([returns, lost], [1, []]);
  },
);
