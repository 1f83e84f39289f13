// X-Gateway-Assertion as an app receives it from a running gateway and verifies it with the
// published keys.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { stat, writeFile } from 'node:fs/promises';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { json } from 'node:stream/consumers';
import { test, type TestContext } from 'node:test';
import { createDemoApp } from '../../src/demo/demo-app.ts';
import { AssertionCheck } from '../../src/expose/assertions/assertion-check.ts';
import { connect, createCredential } from '../../src/portal/index.ts';
import { runCli, startCli, temporaryDirectory } from '../helpers/cli.ts';
import { publishDemo, startRelay } from '../helpers/published-demo.ts';
import { markedSecret } from '../secrecy/marks.ts';

const key = markedSecret('bot');

const settings = (relay: string, assertion: string, bind = 'none'): string => `
gateway: { port: 0, public_url: https://gateway.test }
portal: { relay_url: ${relay} }
auth:
  keys: [{ id: bot, key: ${key} }]
  assertion: { enabled: ${assertion} }
lease_acl: { "*": ["*"] }
leases: { demo: { assertion: { bind: ${bind} } } }
`;

interface Running {
  readonly directory: string;
  readonly relay: string;
  readonly url: string;
  readonly leaseId: string;
  readonly get: (path: string) => Promise<IncomingMessage>;
  /** The assertion that the app received. */
  readonly seen: (path: string) => Promise<string | undefined>;
}

async function running(t: TestContext, assertion: string, bind?: string): Promise<Running> {
  const directory = await temporaryDirectory(t);
  const { url: relay } = await startRelay(t);
  const leaseId = await publishDemo(t, relay, 'demo');
  const config = join(directory, 'gateway.yaml');
  await writeFile(config, settings(relay, assertion, bind), { mode: 0o600 });
  const cli = startCli(t, ['start', '--config', config], { XDG_STATE_HOME: directory });
  const [, url = ''] = await cli.line(/"url":"(http:[^"]+)".*"message":"listening"/);
  await fetchReady(url);
  const get = async (path: string): Promise<IncomingMessage> => {
    const headers = {
      'x-api-key': key,
      'x-gateway-assertion': 'forged',
      x_gateway_assertion: 'forged',
    };
    const request = httpRequest(new URL(path, url), { agent: false, headers });
    request.end();
    return ((await once(request, 'response')) as [IncomingMessage])[0];
  };
  const seen = async (path: string): Promise<string | undefined> => {
    const response = (await json(await get(path))) as { headers: Record<string, string> | [string, string][] };
    const all = Array.isArray(response.headers) ? response.headers : Object.entries(response.headers);
    const found = all.filter(([name]) => /^x.gateway.assertion$/i.test(name));
    assert.ok(found.length < 2);
    return found[0]?.[1];
  };
  return { directory, relay, url, leaseId, get, seen };
}

/** Resolves when the gateway is connected to its relay. */
async function fetchReady(url: string): Promise<void> {
  for (;;) {
    const { status, body } = await fetch(new URL('/health/ready', url));
    await body?.cancel();
    if (status === 200) return;
  }
}

const keysPath = '/.well-known/portal-gateway/jwks.json';

async function checkFor({ get, leaseId }: Running): Promise<AssertionCheck> {
  const response = await get(keysPath);
  assert.equal(response.statusCode, 200);
  const check = new AssertionCheck({ audience: leaseId, nowMs: Date.now });
  check.setKeys(await json(response));
  return check;
}

test('bind none: every request carries the same assertion, verifiable with the published keys', async (t) => {
  const gateway = await running(t, 'true');
  const check = await checkFor(gateway);
  const assertion = await gateway.seen('/peer/demo/echo?as=json');
  assert.equal(await check.faultOf(assertion, { method: 'GET', target: '/' }), undefined);
  assert.equal(await gateway.seen('/peer/demo/echo?as=json&again'), assertion);
  const claims = JSON.parse(Buffer.from(assertion?.split('.')[1] ?? '', 'base64url').toString()) as Record<
    string,
    unknown
  >;
  assert.deepEqual(
    [claims['iss'], claims['aud'], claims['sub'], claims['kind'], claims['scope']],
    ['https://gateway.test', gateway.leaseId, 'bot', 'key', 'read write'],
  );
  const file = join(gateway.directory, 'portal-gateway/assertion-keys.json');
  assert.equal((await stat(file)).mode & 0o777, 0o600);
});

test('bind request: each assertion is for one request', async (t) => {
  const gateway = await running(t, 'true', 'request');
  const check = await checkFor(gateway);
  const target = '/echo?as=json';
  const assertion = await gateway.seen(`/peer/demo${target}`);
  assert.equal(await check.faultOf(assertion, { method: 'POST', target }), 'other_request');
  assert.equal(await check.faultOf(assertion, { method: 'GET', target }), undefined);
  assert.equal(await check.faultOf(assertion, { method: 'GET', target }), 'replayed');
  assert.notEqual(await gateway.seen(`/peer/demo${target}`), assertion);
});

test('without the setting sends no assertion, removes forged ones, and publishes no keys', async (t) => {
  const gateway = await running(t, 'false');
  assert.equal(await gateway.seen('/peer/demo/echo?as=json'), undefined);
  const response = await gateway.get(keysPath);
  assert.equal(response.statusCode, 404);
  response.resume();
});

test('expose --require-assertion: the app is reachable only through the gateway', async (t) => {
  const gateway = await running(t, 'true', 'request');
  const app = createDemoApp().listen(0, '127.0.0.1');
  await once(app, 'listening');
  t.after(() => {
    app.closeAllConnections();
    app.close();
  });
  const { port } = app.address() as AddressInfo;
  const expose = startCli(
    t,
    [
      'expose',
      String(port),
      '--name',
      'guarded',
      '--relay',
      gateway.relay,
      '--require-assertion',
      gateway.url + keysPath,
    ],
    { XDG_STATE_HOME: gateway.directory },
  );
  const [, leaseId = ''] = await expose.line(/^guarded ([A-Z2-7]{26}) /m);

  const session = await connect(gateway.relay, { credential: createCredential() });
  t.after(() => session.close());
  const tunnel = await session.dial(leaseId, { alpn: 'http/1.1', signal: AbortSignal.timeout(10_000) });
  const request = httpRequest({ createConnection: () => tunnel, path: '/', headers: { host: 'x' } });
  request.end();
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  assert.equal(response.statusCode, 401);
  response.resume();
  await expose.note(/401: a request had no valid assertion of the gateway \(missing\)/);

  for (let i = 0; i < 2; i += 1) assert.ok(await gateway.seen(`/peer/${leaseId}/echo?as=json`));
});

test('validate explains the requirements of assertions', async (t) => {
  const directory = await temporaryDirectory(t);
  const config = join(directory, 'gateway.yaml');
  await writeFile(config, 'auth: { assertion: { enabled: true } }\n', { mode: 0o600 });
  const missing = await runCli(t, ['validate', '--config', config], {});
  assert.match(missing.stdout, /auth\.assertion\.enabled needs gateway\.public_url/);
  await writeFile(config, 'leases: { app: { assertion: { bind: request } } }\n');
  const useless = await runCli(t, ['validate', '--config', config], {});
  assert.match(useless.stdout, /leases\.app\.assertion\.bind needs auth\.assertion\.enabled/);
});
