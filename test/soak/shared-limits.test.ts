// Three gateways share one limit in a real Redis, for ten seconds in each test: undisturbed, and
// with Redis killed and restarted in the middle.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { redisMissing, RedisServer } from '../helpers/redis-server.ts';
import { type Asked, assertWithin, type Replicas, startReplicas } from '../helpers/shared-limits.ts';

/**
 * The bucket holds half a second of refill, so a machine that stops for that long loses none of it.
 */
const rate = { requestsPerSecond: 100, burst: 50 };
const options = { skip: redisMissing };

test('100 requests per second under 600 per second for 10 s, to within 1 %', options, async (t) => {
  const redis = await RedisServer.start(t);
  const replicas = await startReplicas(t, redis, { rate });
  await warmUp(replicas);
  const asked = await replicas.offer(600, 10);
  assertNeverFailed(asked);
  assertWithin(t, asked, rate, rate.burst);
  for (const text of await replicas.metrics()) assert.match(text, redisUp(1));
  for (const cli of replicas.all) assert.doesNotMatch(cli.stdout(), /Redis is unavailable/);
});

test('Redis killed and restarted: no request fails, and within 2 s the limit is shared again', options, async (t) => {
  const redis = await RedisServer.start(t);
  const replicas = await startReplicas(t, redis, { rate });
  await warmUp(replicas);
  const offered = replicas.offer(600, 10);
  await pause(3_000);
  await redis.kill();
  await Promise.all(replicas.all.map((cli) => cli.line(/Redis is unavailable/)));
  for (const text of await replicas.metrics()) assert.match(text, redisUp(0));
  await pause(1_000);
  await redis.restart();
  const restartedMs = performance.now();
  await Promise.all(replicas.all.map((cli) => cli.line(/Redis is available again/)));
  const backMs = performance.now();
  for (const text of await replicas.metrics()) assert.match(text, redisUp(1));
  const asked = await offered;
  assertNeverFailed(asked);
  assert.ok(backMs - restartedMs < 2_000, `shared again after ${backMs - restartedMs} ms`);
  const after = asked.filter(({ sentMs }) => sentMs >= backMs);
  t.diagnostic(`back after ${(backMs - restartedMs).toFixed(0)} ms`);
  assertWithin(t, after, rate, 0);
  for (const cli of replicas.all) {
    for (const line of [/Redis is unavailable/g, /Redis is available again/g])
      assert.equal(cli.stdout().match(line)?.length, 1);
  }
});

/** Compiles the code, then lets the bucket refill. */
async function warmUp(replicas: Replicas): Promise<void> {
  await replicas.offer(300, 3);
  await pause(1_000);
}

function assertNeverFailed(asked: readonly Asked[]): void {
  assert.deepEqual([...new Set(asked.map(({ status }) => status))].sort(), [200, 429]);
}

function redisUp(value: 0 | 1): RegExp {
  return new RegExp(`^portal_gateway_redis_up ${value}$`, 'm');
}
