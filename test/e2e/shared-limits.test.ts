// Rate limits in Redis: gateways in their own processes, a real redis-server, the whole path to an
// app. The long version is test/soak/shared-limits.test.ts.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { tlsFile } from '../helpers/certificates.ts';
import { startCli, temporaryDirectory } from '../helpers/cli.ts';
import { startTlsRedis } from '../helpers/protected-redis.ts';
import { redisMissing, RedisServer } from '../helpers/redis-server.ts';
import { admitted, assertWithin, startReplicas } from '../helpers/shared-limits.ts';
import { markedKey } from '../secrecy/marks.ts';

const rate = { requestsPerSecond: 100, burst: 50 };
const options = { skip: redisMissing };

test('three gateways share 100 requests per second under 600 per second', options, async (t) => {
  const redis = await RedisServer.start(t);
  const replicas = await startReplicas(t, redis, { rate });
  const asked = await replicas.offer(600, 3);
  assert.deepEqual([...new Set(asked.map(({ status }) => status))].sort(), [200, 429]);
  assertWithin(t, asked, rate, 0);
  for (const text of await replicas.metrics()) assert.match(text, /^portal_gateway_redis_up 1$/m);
});

test(
  'without Redis the gateway starts, limits locally, reports this once, and shares once Redis is up',
  options,
  async (t) => {
    const redis = await RedisServer.start(t);
    await redis.kill();
    const replicas = await startReplicas(t, redis, { rate, count: 1 });
    const [cli = assert.fail()] = replicas.all;
    const alone = await replicas.offer(300, 1);
    assertWithin(t, alone, rate, 0);
    assert.match((await replicas.metrics())[0] ?? '', /^portal_gateway_redis_up 0$/m);
    await redis.restart();
    await cli.line(/"level":"info".*Redis is available again/);
    assert.match((await replicas.metrics())[0] ?? '', /^portal_gateway_redis_up 1$/m);
    assert.equal(cli.stdout().match(/"level":"warn".*Redis is unavailable/g)?.length, 1);
    cli.child.kill('SIGTERM');
    assert.equal(await cli.exited, 0);
    assert.doesNotMatch(cli.stdout(), /"level":"error"/);
    assert.equal(cli.stdout().match(/Redis is unavailable/g)?.length, 1);
  },
);

test('an address that had used up its rate is admitted again once Redis has lost its state', options, async (t) => {
  const redis = await RedisServer.start(t);
  // So slow that no token is refilled during the test; one was used before.
  const never = { requestsPerSecond: 0.001, burst: 3 };
  const replicas = await startReplicas(t, redis, { rate: never, of: 'per_ip', count: 1 });
  const [cli = assert.fail()] = replicas.all;
  assert.equal(admitted(await replicas.offer(10, 1)), 2);
  await redis.kill();
  await cli.line(/Redis is unavailable/);
  assert.equal(admitted(await replicas.offer(10, 1)), 0);
  await redis.restart();
  await cli.line(/Redis is available again/);
  assert.equal(admitted(await replicas.offer(10, 1)), 3);
});

test('with ca_file limits and quotas are shared over TLS', options, async (t) => {
  const { port } = await startTlsRedis(t);
  const redis = { url: `rediss://localhost:${port}`, caFile: tlsFile('cert.pem') };
  // One request was sent to each of them while they started.
  const more = 'quotas: { monthly: { environment: { requests: 10 } } }';
  const replicas = await startReplicas(t, redis, { rate, count: 2, more });
  assert.equal(admitted(await replicas.offer(30, 1)), 8);
  for (const text of await replicas.metrics()) assert.match(text, /^portal_gateway_redis_up 1$/m);
});

test('a Redis that does not respond does not delay listening', options, async (t) => {
  const silent = createServer((socket) => {
    t.after(() => socket.destroy());
  }).listen(0, '127.0.0.1');
  await once(silent, 'listening');
  t.after(() => silent.close());
  const directory = await temporaryDirectory(t);
  const file = join(directory, 'gateway.yaml');
  const { port } = silent.address() as AddressInfo;
  await writeFile(
    file,
    `rate_limit: { storage: { type: redis, redis: { url: "redis://127.0.0.1:${port}" } } }
quotas: { daily: { environment: { requests: 5 } } }
portal: { relay_url: ws://127.0.0.1:1/relay }
`,
  );
  const environment = { XDG_STATE_HOME: directory, GATEWAY_API_KEY: markedKey('test') };
  const cli = startCli(t, ['start', '--config', file, '--port', '0'], environment);
  await cli.line(/"reason":"it does not respond","message":"cannot persist quota usage/);
  await cli.line(/"reason":"it does not respond","message":"Redis is unavailable/);
  // Both messages appear 2 s after the connection attempts began.
  assert.match(cli.stdout(), /"message":"listening"[^]*"message":"Redis is unavailable/);
  cli.child.kill('SIGTERM');
  assert.equal(await cli.exited, 0);
});
