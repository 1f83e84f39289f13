// Three gateways share one limit in a real Redis for ten seconds each: undisturbed, and with Redis killed and started again in the
// middle.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { redisMissing, RedisServer } from '../helpers/redis-server.ts';
import { admitted, keptUp, spanOf, startReplicas } from '../helpers/shared-limits.ts';

const rate = { requestsPerSecond: 100, burst: 20 };
const options = { skip: redisMissing };

test('100 a second under 600 a second for 10 s, to within 1 %', options, async (t) => {
  const redis = await RedisServer.start(t);
  const replicas = await startReplicas(t, redis, { rate });
  // What starting has cost has come back.
  await pause(1_000);
  const asked = await replicas.offer(600, 10);
  const { least, most } = spanOf(asked);
  const count = admitted(asked);
  t.diagnostic(`${count} of ${asked.length} were admitted in ${least.toFixed(2)} to ${most.toFixed(2)} s`);
  assert.deepEqual([...new Set(asked.map(({ status }) => status))].sort(), [200, 429]);
  assert.ok(count <= 1.01 * (rate.burst + rate.requestsPerSecond * most));
  if (keptUp(asked)) assert.ok(count >= 0.99 * (rate.burst + rate.requestsPerSecond * least));
});

test('Redis killed and started again: no request fails, and within 2 s the limit is one again', options, async (t) => {
  const redis = await RedisServer.start(t);
  const replicas = await startReplicas(t, redis, { rate });
  const offered = replicas.offer(600, 10);
  await pause(3_000);
  await redis.kill();
  await pause(1_000);
  await redis.restart();
  const restartedMs = performance.now();
  const again = replicas.all.map(async (cli) => {
    await cli.line(/Redis answers/);
    return performance.now() - restartedMs;
  });
  const backAfterMs = Math.max(...(await Promise.all(again)));
  const asked = await offered;
  assert.deepEqual([...new Set(asked.map(({ status }) => status))].sort(), [200, 429]);
  assert.ok(backAfterMs < 2_000, `shared again after ${backAfterMs} ms`);
  const after = asked.filter(({ sentMs }) => sentMs >= restartedMs + backAfterMs);
  const { least, most } = spanOf(after);
  const count = admitted(after);
  t.diagnostic(`back after ${backAfterMs.toFixed(0)} ms; then ${count} in ${least.toFixed(2)} to ${most.toFixed(2)} s`);
  assert.ok(count <= 1.01 * (rate.burst + rate.requestsPerSecond * most));
  if (keptUp(asked)) assert.ok(count >= 0.99 * rate.requestsPerSecond * least);
  for (const cli of replicas.all) {
    // A slow machine may lose Redis once more, for want of time.
    const lost = cli
      .stdout()
      .match(/"reason":"(?!it does not answer in time)[^"]*","message":"Redis can not be asked/g);
    assert.equal(lost?.length, 1);
    if (keptUp(asked)) assert.equal(cli.stdout().match(/Redis answers/g)?.length, 1);
  }
});
