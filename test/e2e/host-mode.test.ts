import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { ask, show } from '../helpers/echo-app.ts';
import { startPlainGateway, type PlainGateway } from '../helpers/plain-gateway.ts';

function start(t: TestContext, trustedProxies: readonly string[] = []): Promise<PlainGateway> {
  return startPlainGateway(t, show, { policy: { baseDomain: 'peers.test', trustedProxies } });
}

test('every path of a lease’s host belongs to the app, byte for byte, and the Host is the client’s', async (t) => {
  const gateway = await start(t);
  const paths = ['/', '/health', '/health/live', '/peer/app/x', '/ws/app', '/a//..;/%2F?x=%00', '/metrics'];
  for (const path of paths) {
    const response = await ask(gateway, `GET ${path} HTTP/1.1`, 'Host: APP.peers.test:8443');
    assert.equal(response.seen.url, path);
    assert.deepEqual(response.saw('host'), ['APP.peers.test:8443']);
    assert.deepEqual(response.saw('x-forwarded-host'), ['APP.peers.test:8443']);
    assert.deepEqual(response.saw('x-forwarded-prefix'), []);
  }
});

test('forwards OPTIONS * of a host unchanged', async (t) => {
  const gateway = await start(t);
  for (const target of ['*', 'http://app.peers.test']) {
    const response = await ask(gateway, `OPTIONS ${target} HTTP/1.1`, 'Host: app.peers.test');
    assert.equal(response.seen.url, '*', target);
  }
});

test('finds a lease by punycode and by its id', async (t) => {
  const gateway = await start(t);
  const { port } = gateway.app.address() as { port: number };
  gateway.transport.publish({ name: 'Bücher', port, id: 'ABCDEFGHIJKLMNOPQRSTUVWX27' });
  for (const label of ['xn--bcher-kva', 'abcdefghijklmnopqrstuvwx27']) {
    const response = await ask(gateway, 'GET /x HTTP/1.1', `Host: ${label}.peers.test`);
    assert.deepEqual(response.saw('host'), [`${label}.peers.test`]);
  }
});

test('below the base domain, an impossible lease name is 421 and an unknown one 404', async (t) => {
  const gateway = await start(t);
  const rows: [host: string, status: number, code: string][] = [
    ['a.app.peers.test', 421, 'misdirected_request'],
    ['nobody.peers.test', 404, 'lease_not_found'],
    ['peers.test', 404, 'not_found'],
    ['other.test', 404, 'not_found'],
  ];
  for (const [host, status, code] of rows) {
    const response = await ask(gateway, 'GET / HTTP/1.1', `Host: ${host}`);
    assert.deepEqual([response.status, response.code], [status, code], host);
  }
});

test('the base domain and other hosts serve path mode and health', async (t) => {
  const gateway = await start(t);
  for (const host of ['peers.test', 'other.test']) {
    assert.equal((await ask(gateway, 'GET /peer/app/x HTTP/1.1', `Host: ${host}`)).seen.url, '/x');
    assert.match((await ask(gateway, 'GET /health/live HTTP/1.1', `Host: ${host}`)).body, /"live"/);
  }
});

test('rejects %00 in the path here, too', async (t) => {
  const response = await ask(await start(t), 'GET /a%00b HTTP/1.1', 'Host: app.peers.test');
  assert.deepEqual([response.status, response.code], [400, 'invalid_request']);
});

test('the host from a trusted proxy decides, also for health', async (t) => {
  const gateway = await start(t, ['127.0.0.1']);
  const response = await ask(gateway, 'GET /health HTTP/1.1', 'Host: internal', 'X-Forwarded-Host: app.peers.test');
  assert.equal(response.seen.url, '/health');
  assert.deepEqual(response.saw('host'), ['app.peers.test']);
});
