// `leases.<pattern>.strip_prefix: false`: the app receives the paths of the client, and references
// that it makes of them reach the client unchanged.
import assert from 'node:assert/strict';
import type { RequestListener } from 'node:http';
import { test, type TestContext } from 'node:test';
import { ask, show } from '../helpers/echo-app.ts';
import { type PlainGateway, readUntil, startPlainGateway } from '../helpers/plain-gateway.ts';
import { key, testLease } from '../helpers/policy.ts';

type Options = NonNullable<Parameters<typeof startPlainGateway>[2]>;

function start(t: TestContext, serve: RequestListener, policy: Options['policy'] = {}): Promise<PlainGateway> {
  const leases = { app: testLease({ stripPrefix: false }) };
  return startPlainGateway(t, serve, { policy: { baseDomain: 'peers.test', leases, ...policy } });
}

async function idOf({ transport }: PlainGateway): Promise<string> {
  const [lease] = await transport.list();
  return lease?.id ?? '';
}

test('the app receives the path as the client sent it, under every name of the lease', async (t) => {
  const gateway = await start(t, show);
  const id = await idOf(gateway);
  const paths = [
    ...['/peer/app', '/peer/app?x=/y', '/peer/app/', '/peer/app//a%2F/../b/./%2e%2e/c?d=%20', '/peer/%61pp/x'],
    ...['/peer/APP/x', `/peer/${id}/x`, `/peer/${id.toLowerCase()}/x`, '/peer/app/peer/app/x', '/peer/app/../other/x'],
  ];
  for (const path of paths) {
    const { seen, saw } = await ask(gateway, `GET ${path} HTTP/1.1`, 'Host: gw.test');
    assert.equal(seen.url, path);
    assert.deepEqual(saw('x-forwarded-prefix'), [/^\/peer\/[^/?]+/.exec(path)?.[0]]);
  }
});

test('other forms of the request target', async (t) => {
  const gateway = await start(t, show);
  const rows: [line: string, host: string, url: string | number][] = [
    ['GET http://gw.test/peer/app/x?y', 'gw.test', '/peer/app/x?y'],
    ['GET http://gw.test/peer/app', 'gw.test', '/peer/app'],
    ['OPTIONS /peer/app', 'gw.test', '/peer/app'],
    ['OPTIONS *', 'gw.test', 204],
    ['OPTIONS *', 'app.peers.test', '*'],
    ['GET /x', 'app.peers.test', '/x'],
    ['GET /', 'app.peers.test', '/'],
    ['GET /peer/app/x', 'app.peers.test', '/peer/app/x'],
    ['GET http://app.peers.test/x', 'app.peers.test', '/x'],
    ['GET /ws/app', 'gw.test', 400],
    ['GET /peer/app%2Fx/..', 'gw.test', 404],
    ['GET /peer/app%00/x', 'gw.test', 400],
  ];
  for (const [line, host, expected] of rows) {
    const response = await ask(gateway, `${line} HTTP/1.1`, `Host: ${host}`);
    if (typeof expected === 'number') assert.equal(response.status, expected, line);
    else assert.equal(response.seen.url, expected, line);
  }
});

test('the alias for WebSockets reaches the root of the app', async (t) => {
  const gateway = await start(t, show);
  gateway.app.on('upgrade', (request, socket) => {
    const location = `X-Seen: ${request.url ?? ''} ${String(request.headers['x-forwarded-prefix'])}`;
    socket.end(`HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\nConnection: Upgrade\r\n${location}\r\n\r\n`);
  });
  const rows = [
    ['/ws/app?x', '/peer/app/?x /peer/app'],
    ['/peer/app/hmr?x', '/peer/app/hmr?x /peer/app'],
  ] as const;
  for (const [path, seen] of rows) {
    const fields = `Host: gw.test\r\nX-API-Key: ${key}\r\nUpgrade: echo\r\nConnection: Upgrade`;
    const response = await readUntil(gateway.raw(`GET ${path} HTTP/1.1\r\n${fields}\r\n\r\n`), '\r\n\r\n');
    assert.ok(response.includes(`X-Seen: ${seen}\r\n`), response);
  }
});

test('below a path that a proxy removes, the app receives the full path of the client', async (t) => {
  const gateway = await start(t, show, { trustedProxies: ['127.0.0.1'] });
  for (const path of ['/peer/app', '/peer/app/x?y']) {
    const { seen, saw } = await ask(gateway, `GET ${path} HTTP/1.1`, 'Host: a', 'X-Forwarded-Prefix: /outer/');
    assert.equal(seen.url, `/outer${path}`);
    assert.deepEqual(saw('x-forwarded-prefix'), ['/outer/peer/app']);
  }
});

/** Has the base path `/peer/app/`, whichever name of the lease the client uses. */
const based: RequestListener = ({ url = '' }, response) => {
  response.writeHead(302, [
    ...['Location', '/peer/app/login', 'Content-Location', url, 'Refresh', '5; url=/peer/app/r'],
    ...['Link', '</peer/app/a.css>; rel=preload', 'Set-Cookie', 'a=1; Path=/peer/app/', 'Set-Cookie', 'b=2; Path=/'],
    ...['Set-Cookie', 'c=3', 'Set-Cookie', 'd=4; Path=/peer/other/', 'Set-Cookie', 'e=5; Path=/peer/app/x/; Domain=a'],
    ...['Service-Worker-Allowed', '/'],
  ]);
  response.end();
};

test('references that have the prefix already stay, and cookies stay below it', async (t) => {
  const gateway = await start(t, based);
  for (const prefix of ['/peer/app', '/peer/%61pp', `/peer/${await idOf(gateway)}`]) {
    const path = `${prefix}/d/x?y`;
    const { values } = await ask(gateway, `GET ${path} HTTP/1.1`, 'Host: gw.test');
    assert.deepEqual(values('location'), ['/peer/app/login']);
    assert.deepEqual(values('content-location'), [path]);
    assert.deepEqual(values('refresh'), ['5; url=/peer/app/r']);
    assert.deepEqual(values('link'), ['</peer/app/a.css>; rel=preload']);
    const cookies = [`b=2; Path=${prefix}`, `c=3; Path=${prefix}/d`, `d=4; Path=${prefix}/peer/other/`];
    assert.deepEqual(values('set-cookie'), ['a=1; Path=/peer/app/', ...cookies, 'e=5; Path=/peer/app/x/']);
    assert.deepEqual(values('service-worker-allowed'), []);
  }
  const host = await ask(gateway, 'GET /d/x HTTP/1.1', 'Host: app.peers.test');
  assert.deepEqual(host.values('location'), ['/peer/app/login']);
  assert.deepEqual(host.values('set-cookie')[1], 'b=2; Path=/');
});

test('resources named in requests keep the prefix', async (t) => {
  const gateway = await start(t, show);
  const rows = [
    ['http://gw.test/peer/app/b', '/peer/app/b'],
    [`http://gw.test/peer/${await idOf(gateway)}/b`, `/peer/${await idOf(gateway)}/b`],
    ['/peer/app/b', '/peer/app/b'],
    ['http://gw.test/peer/other/b', 'http://gw.test/peer/other/b'],
    ['http://gw.test/peer/app/../other/b', '/peer/app/../other/b'],
    ['http://else.test/peer/app/b', 'http://else.test/peer/app/b'],
  ] as const;
  for (const [destination, received] of rows) {
    const { saw } = await ask(gateway, 'POST /peer/app/a?x HTTP/1.1', 'Host: gw.test', `Destination: ${destination}`);
    assert.deepEqual(saw('destination'), [received]);
  }
});

test('costs by path match the path below the prefix', async (t) => {
  const costs = [{ lease: '*', path: '/dear/*', method: '', cost: 5 }];
  const perLease = { app: { requestsPerSecond: 0.001, burst: 6 } };
  const gateway = await start(t, show, { rateLimit: { costs, perLease } });
  const statuses: number[] = [];
  for (const path of ['/peer/app/dear/x', '/peer/app/x', '/peer/app/x'])
    statuses.push((await ask(gateway, `GET ${path} HTTP/1.1`, 'Host: gw.test')).status);
  assert.deepEqual(statuses, [200, 200, 429]);
});
