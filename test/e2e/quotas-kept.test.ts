// Quota usage outlives the process that counted it: in a file after a crash, and in Redis for
// several gateways.
import assert from 'node:assert/strict';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { startCli, temporaryDirectory, type CliProcess } from '../helpers/cli.ts';
import { publishDemo, startRelay } from '../helpers/published-demo.ts';
import { redisMissing, RedisServer } from '../helpers/redis-server.ts';
import { admitted, startReplicas } from '../helpers/shared-limits.ts';
import { markedKey } from '../secrecy/marks.ts';

const withRedis = { skip: redisMissing };
const key = markedKey('test');

async function startGateway(
  t: TestContext,
  directory: string,
  relay: string,
  more = '',
): Promise<CliProcess & { readonly url: string }> {
  const file = join(directory, 'gateway.yaml');
  await writeFile(file, 'lease_acl: { "*": ["*"] }\nquotas: { monthly: { environment: { requests: 3 } } }\n' + more);
  // A restart waits for no further request of the client.
  const environment = { XDG_STATE_HOME: directory, GATEWAY_API_KEY: key, GATEWAY_DRAIN_LINGER: '0s' };
  const cli = startCli(t, ['start', '--config', file, '--port', '0', '--relay', relay], environment);
  const [, url = ''] = await cli.line(/"url":"(http:[^"]+)".*"message":"listening"/);
  await cli.line(/relay connected/);
  return { ...cli, url };
}

async function statusOf(url: string): Promise<number> {
  const { status, body } = await fetch(`${url}/peer/demo/status/200`, { headers: { 'X-API-Key': key } });
  await body?.cancel();
  return status;
}

async function untilKept(directory: string, requests: number): Promise<number> {
  const startedMs = performance.now();
  const wanted = new RegExp(`"requests":${requests},`);
  const path = join(directory, 'portal-gateway', 'quotas.jsonl');
  while (!wanted.test(await readFile(path, 'utf8'))) await setTimeout(10);
  return performance.now() - startedMs;
}

test('a crash loses at most the last second, and a shutdown nothing', async (t) => {
  const { url: relay } = await startRelay(t);
  await publishDemo(t, relay, 'demo');
  const directory = await temporaryDirectory(t);
  const first = await startGateway(t, directory, relay);
  assert.equal(await statusOf(first.url), 200);
  // It should take one second; the machine may be busy with other tests.
  assert.ok((await untilKept(directory, 1)) < 3_000);
  first.child.kill('SIGKILL');
  await first.exited;
  const second = await startGateway(t, directory, relay);
  assert.equal(await statusOf(second.url), 200);
  second.child.kill('SIGTERM');
  assert.equal(await second.exited, 0);
  const third = await startGateway(t, directory, relay);
  assert.deepEqual([await statusOf(third.url), await statusOf(third.url)], [200, 429]);
});

test('a used-up quota stays used up after a restart with a state directory that can be read but not written', async (t) => {
  const { url: relay } = await startRelay(t);
  await publishDemo(t, relay, 'demo');
  const directory = await temporaryDirectory(t);
  const first = await startGateway(t, directory, relay);
  for (const expected of [200, 200, 200, 429]) assert.equal(await statusOf(first.url), expected);
  first.child.kill('SIGTERM');
  assert.equal(await first.exited, 0);
  // As with a full disk: not even root can write the temporary file.
  await mkdir(join(directory, 'portal-gateway', 'quotas.jsonl.new', 'in the way'), { recursive: true });
  const second = await startGateway(t, directory, relay);
  assert.equal(await statusOf(second.url), 429);
  assert.match(second.stdout(), /"level":"error".*EISDIR/);
});

test('two gateways with one state directory do not overwrite each other, and the second reports what to do', async (t) => {
  const { url: relay } = await startRelay(t);
  await publishDemo(t, relay, 'demo');
  const directory = await temporaryDirectory(t);
  const first = await startGateway(t, directory, relay);
  const second = await startGateway(t, directory, relay);
  await second.line(/"level":"error".*stores its quotas in the same state.*XDG_STATE_HOME.*cannot persist/);
  assert.deepEqual([await statusOf(first.url), await statusOf(second.url)], [200, 200]);
  await untilKept(directory, 1);
  first.child.kill('SIGKILL');
  await first.exited;
  await second.line(/"level":"info".*persisted again/);
  // The usage of the first process and of this one both count.
  assert.deepEqual([await statusOf(second.url), await statusOf(second.url)], [200, 429]);
  await untilKept(directory, 3);
  second.child.kill('SIGKILL');
  await second.exited;
  const third = await startGateway(t, directory, relay);
  assert.equal(await statusOf(third.url), 429);
  assert.doesNotMatch(third.stdout(), /cannot persist quota usage/);
});

test('with Redis, counts the usage of all gateways, also of stopped ones', withRedis, async (t) => {
  const { url: relay } = await startRelay(t);
  await publishDemo(t, relay, 'demo');
  const redis = await RedisServer.start(t);
  const more = `rate_limit: { storage: { type: redis, redis: { url: "${redis.url}" } } }\n`;
  const first = await startGateway(t, await temporaryDirectory(t), relay, more);
  assert.deepEqual([await statusOf(first.url), await statusOf(first.url)], [200, 200]);
  first.child.kill('SIGTERM');
  assert.equal(await first.exited, 0);
  const second = await startGateway(t, await temporaryDirectory(t), relay, more);
  assert.deepEqual([await statusOf(second.url), await statusOf(second.url)], [200, 429]);
});

test('three gateways together admit exactly the quota', withRedis, async (t) => {
  const redis = await RedisServer.start(t);
  const replicas = await startReplicas(t, redis, {
    rate: { requestsPerSecond: 100_000, burst: 100_000 },
    more: 'quotas: { monthly: { environment: { requests: 200 } } }',
  });
  // Each was called once while it started.
  const asked = await replicas.offer(200, 2);
  assert.deepEqual([...new Set(asked.map(({ status }) => status))].sort(), [200, 429]);
  assert.equal(admitted(asked), 200 - replicas.all.length);
});
