import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { redisMissing, RedisServer } from '../../test/helpers/redis-server.ts';
import { connectRedis } from './redis-client.ts';

test(
  'a connection that is silent is given up however much is sent over it, and there is another once somebody answers',
  { skip: redisMissing, timeout: 20_000 },
  async (t) => {
    const server = await RedisServer.start(t);
    const faults: string[] = [];
    let ready = Promise.withResolvers<undefined>();
    const redis = connectRedis(server.url, {
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
    while (!faults.includes('it does not answer') && !t.signal.aborted) {
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
  'what takes no writes any more may have handed over to another under its name, which is asked for without word of a return',
  { skip: redisMissing, timeout: 20_000 },
  async (t) => {
    const server = await RedisServer.start(t);
    await server.kill();
    await server.restart('--replicaof', '127.0.0.1', '1');
    const { promise: ready, resolve } = Promise.withResolvers<undefined>();
    let returns = 0;
    const redis = connectRedis(server.url, {
      silenceMs: 1_000,
      connected: () => {
        returns += 1;
        resolve(undefined);
      },
      failed: () => undefined,
    });
    t.after(() => {
      redis.close();
    });
    await ready;
    const faults = new Set<string>();
    while (
      !(faults.has('Error: it answers READONLY') && faults.has('Error: The client is offline')) &&
      !t.signal.aborted
    ) {
      await redis.run(`return redis.call('SET', KEYS[1], 1)`, ['a'], []).catch((error: unknown) => {
        faults.add(String(error));
      });
      await setImmediate();
    }
    t.signal.throwIfAborted();
    assert.equal(returns, 1);
    await server.kill();
    await server.restart();
    while (!t.signal.aborted) {
      if ((await redis.run('return 1', [], []).catch(() => 0)) === 1) break;
      await setImmediate();
    }
    t.signal.throwIfAborted();
  },
);
