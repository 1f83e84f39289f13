// `start` as operators run it: environment and flags, with and without a key, with relays that
// come, go and disagree.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, test, type TestContext } from 'node:test';
import { createCredential } from '../../src/portal/index.ts';
import { createRelay } from '../../src/relay/relay.ts';
import { runCli, startCli, temporaryDirectory, type CliProcess } from '../helpers/cli.ts';
import { publishDemo, startRelay } from '../helpers/published-demo.ts';
import { markedKey } from '../secrecy/marks.ts';

const key = markedKey('test');

interface Started {
  readonly cli: CliProcess;
  readonly url: string;
}

async function startGateway(
  t: TestContext,
  relays: readonly string[],
  environment: Record<string, string> = { GATEWAY_API_KEY: key },
): Promise<Started> {
  const directory = await temporaryDirectory(t);
  const file = join(directory, 'gateway.yaml');
  await writeFile(file, 'lease_acl: { "*": ["*"] }\n');
  const args = ['start', '--config', file, '--port', '0', ...relays.flatMap((url) => ['--relay', url])];
  const cli = startCli(t, args, { XDG_STATE_HOME: directory, ...environment });
  const [, url = ''] = await cli.line(/"url":"(http:[^"]+)".*"message":"listening"/);
  for (let i = 0; i < relays.length; i += 1) await cli.line(new RegExp(`("relay connected"[^]*){${i + 1}}`));
  return { cli, url };
}

async function call(url: string, path: string, apiKey = key): Promise<IncomingMessage> {
  const request = httpRequest(new URL(path, url), { agent: false, headers: { authorization: `Bearer ${apiKey}` } });
  request.end();
  return ((await once(request, 'response')) as [IncomingMessage])[0];
}

async function problem(url: string, path: string): Promise<[number | undefined, unknown]> {
  const response = await call(url, path);
  return [response.statusCode, (JSON.parse(await text(response)) as { code: unknown }).code];
}

test('with a key and a relay it forwards by name and by id, and health reports ready', async (t) => {
  const { url: relay } = await startRelay(t);
  const leaseId = await publishDemo(t, relay, 'Demo');
  const { cli, url } = await startGateway(t, [relay]);
  for (const lease of ['demo', leaseId]) {
    const response = await call(url, `/peer/${lease}/status/418`);
    assert.equal(response.statusCode, 418);
    response.resume();
  }
  const health = await runCli(t, ['health', '--url', url], {});
  assert.deepEqual([health.code, health.stdout], [0, 'ready\n']);
  assert.ok(!cli.stdout().includes(key) && !cli.stderr().includes(key));
});

test('an unreachable lease is a problem with its code', async (t) => {
  const [one, two] = await Promise.all([startRelay(t), startRelay(t)]);
  await publishDemo(t, one.url, 'twice');
  await publishDemo(t, two.url, 'twice');
  await publishDemo(t, one.url, 'other', 'other/1');
  const { url } = await startGateway(t, [one.url, two.url]);
  assert.deepEqual(await problem(url, '/peer/nobody/'), [404, 'lease_not_found']);
  assert.deepEqual(await problem(url, `/peer/${createCredential().id}/`), [404, 'lease_not_found']);
  assert.deepEqual(await problem(url, '/peer/twice/'), [409, 'lease_ambiguous']);
  assert.deepEqual(await problem(url, '/peer/other/'), [502, 'lease_unreachable']);
});

test('without a key rejects every request, and warns', async (t) => {
  const { url: relay } = await startRelay(t);
  const { cli, url } = await startGateway(t, [relay], {});
  await cli.line(/"level":"warn".*GATEWAY_API_KEY/);
  const response = await call(url, '/peer/demo/', '');
  assert.equal(response.statusCode, 401);
  response.resume();
});

test('denies a lease that no rule lists', async (t) => {
  const { url: relay } = await startRelay(t);
  await publishDemo(t, relay, 'demo');
  const environment = { XDG_STATE_HOME: await temporaryDirectory(t), GATEWAY_API_KEY: key };
  const cli = startCli(t, ['start', '--port', '0', '--relay', relay], environment);
  const [, url = ''] = await cli.line(/"url":"(http:[^"]+)".*"message":"listening"/);
  await cli.line(/relay connected/);
  assert.deepEqual(await problem(url, '/peer/demo/'), [403, 'access_denied']);
  const warning = /lease_acl allows no caller.*in the configuration file, or set LEASE_ACL=.*or start with --allow /;
  assert.match(cli.stdout(), warning);
});

describe('without a file, key, relay and rule fit on one line', () => {
  for (const [what, args, environment] of [
    ['--allow', ['--allow', 'demo=*'], {}],
    ['--allow, several times', ['--allow', 'other=billing-bot', '--allow', 'demo=environment'], {}],
    ['LEASE_ACL', [], { LEASE_ACL: 'other=billing-bot,demo=*' }],
    ['--allow over LEASE_ACL', ['--allow', 'Demo=environment'], { LEASE_ACL: 'demo=billing-bot' }],
  ] as const) {
    test(what, async (t) => {
      const { url: relay } = await startRelay(t);
      await publishDemo(t, relay, 'demo');
      const shared = { XDG_STATE_HOME: await temporaryDirectory(t), GATEWAY_API_KEY: key };
      const cli = startCli(t, ['start', '--port', '0', '--relay', relay, ...args], { ...shared, ...environment });
      const [, url = ''] = await cli.line(/"url":"(http:[^"]+)".*"message":"listening"/);
      await cli.line(/relay connected/);
      const response = await call(url, '/peer/demo/echo');
      assert.equal(response.statusCode, 200);
      response.resume();
      assert.doesNotMatch(cli.stdout(), /allows no caller/);
      // Also after a reload, which happens in another thread.
      cli.child.kill('SIGHUP');
      await cli.line(/"message":"configuration reloaded"/);
      const again = await call(url, '/peer/demo/echo');
      assert.equal(again.statusCode, 200);
      again.resume();
    });
  }

  test('a rule for another lease opens nothing else', async (t) => {
    const { url: relay } = await startRelay(t);
    await publishDemo(t, relay, 'demo');
    const environment = { XDG_STATE_HOME: await temporaryDirectory(t), GATEWAY_API_KEY: key, LEASE_ACL: 'dem=*' };
    const cli = startCli(t, ['start', '--port', '0', '--relay', relay, '--allow', 'demo-*=*'], environment);
    const [, url = ''] = await cli.line(/"url":"(http:[^"]+)".*"message":"listening"/);
    await cli.line(/relay connected/);
    assert.deepEqual(await problem(url, '/peer/demo/'), [403, 'access_denied']);
  });

  for (const [rule, says] of [
    [
      'demo',
      /argument 'demo' is invalid.* A rule is LEASE=PRINCIPAL: the id of a key, as in 'my-app=billing-bot', or \*/,
    ],
    ['a=b,c=d', /Its principal must be the id of a key, scope:….*; repeat --allow for a further rule/],
    ['a*b=c', /Its lease must be a lease name, a lease id, a prefix-\* or \*/],
    ['a=sub:b', /Its principal is not supported yet: sub: comes with tokens/],
    [`a=${key}`, /Its principal must be the id of a key, not the key itself/],
  ] as const) {
    test(`rejects --allow ${rule.slice(0, 10)}`, async (t) => {
      const { code, stdout, stderr } = await runCli(t, ['start', '--allow', rule], {});
      assert.deepEqual([code, stdout], [2, '']);
      assert.match(stderr, says);
      assert.ok(!stderr.includes(key));
      assert.equal(stderr.trimEnd().split('\n').length, 1);
    });
  }
});

test('starts without a relay, is not ready, and becomes ready when the relay is up', async (t) => {
  const { relay, url: relayUrl, port } = await startRelay(t);
  await relay.close();
  const args = ['start', '--port', '0'];
  const cli = startCli(t, args, { XDG_STATE_HOME: await temporaryDirectory(t), PORTAL_RELAY_URL: relayUrl });
  const [, url = ''] = await cli.line(/"url":"(http:[^"]+)".*"message":"listening"/);
  await cli.line(/"code":"relay_unreachable"/);
  const early = await runCli(t, ['health', '--url', url], {});
  assert.equal(early.code, 75);
  assert.match(early.stderr, /portal_disconnected/);
  const late = createRelay({ port, identity: createCredential() });
  t.after(() => late.close());
  await late.listen();
  await cli.line(/relay connected/);
  assert.equal((await runCli(t, ['health', '--url', url], {})).code, 0);
});

test('SIGTERM completes the request in flight and exits with 0', async (t) => {
  const { url: relay } = await startRelay(t);
  await publishDemo(t, relay, 'demo');
  const { cli, url } = await startGateway(t, [relay]);
  const response = await call(url, '/peer/demo/sse?count=10&interval=50');
  await once(response, 'readable');
  cli.child.kill('SIGTERM');
  const events = await text(response);
  assert.match(events, /id: 10\n/);
  assert.equal(await cli.exited, 0);
  assert.match(cli.stdout(), /"message":"draining"/);
});

test('a second signal exits at once', async (t) => {
  const { url: relay } = await startRelay(t);
  await publishDemo(t, relay, 'demo');
  const { cli, url } = await startGateway(t, [relay]);
  const response = await call(url, '/peer/demo/sse');
  cli.child.kill('SIGTERM');
  await cli.line(/"message":"draining"/);
  cli.child.kill('SIGTERM');
  assert.equal(await cli.exited, 143);
  response.on('error', () => undefined).resume();
});

test('during gateway.drain_delay the process listens and is not ready; a second signal ends the delay', async (t) => {
  const { url: relay } = await startRelay(t);
  await publishDemo(t, relay, 'demo');
  const { cli, url } = await startGateway(t, [relay], { GATEWAY_API_KEY: key, GATEWAY_DRAIN_DELAY: '10m' });
  cli.child.kill('SIGTERM');
  await cli.line(/"message":"draining"/);
  assert.deepEqual(await problem(url, '/health/ready'), [503, undefined]);
  const response = await call(url, '/peer/demo/echo');
  assert.equal(response.statusCode, 200);
  response.resume();
  cli.child.kill('SIGTERM');
  assert.equal(await cli.exited, 143);
});
