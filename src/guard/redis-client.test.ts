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
