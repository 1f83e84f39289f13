import assert from 'node:assert/strict';
import type { RequestListener } from 'node:http';
import { test } from 'node:test';
import { ask } from '../helpers/echo-app.ts';
import { startPlainGateway } from '../helpers/plain-gateway.ts';
import { testLease } from '../helpers/policy.ts';

const policy = { baseDomain: 'peers.test' };

/** Responds with the header fields given in the query. */
const reflect: RequestListener = (request, response) => {
  const query = new URLSearchParams(request.url?.slice(request.url.indexOf('?')));
  const location = (query.get('l') ?? '').replace('@host', String(request.headers.host));
  response.writeHead(302, [
    ...['Location', location, 'Content-Location', '/c', 'Set-Cookie', 'a=1; Path=/; Domain=app'],
    ...['set-cookie', 'b=2', 'Service-Worker-Allowed', '/', 'X-Path', '/x'],
  ]);
  response.end();
};

test('in path mode moves paths of the app below the prefix', async (t) => {
  const gateway = await startPlainGateway(t, reflect, { policy });
  const { values } = await ask(gateway, 'GET /peer/app/d/?l=/x HTTP/1.1', 'Host: gw.test');
  assert.deepEqual(values('location'), ['/peer/app/x']);
  assert.deepEqual(values('content-location'), ['/peer/app/c']);
  assert.deepEqual(values('set-cookie'), ['a=1; Path=/peer/app', 'b=2; Path=/peer/app/d']);
  assert.deepEqual(values('service-worker-allowed'), []);
  assert.deepEqual(values('x-path'), ['/x']);
});

test('in path mode moves URLs of the app, and leaves others unchanged', async (t) => {
  const gateway = await startPlainGateway(t, reflect, { policy });
  const rows: [location: string, moved: string][] = [
    ['http://@host/x', '/peer/app/x'],
    ['https://gw.test/x', '/peer/app/x'],
    ['https://other.test/x', 'https://other.test/x'],
  ];
  for (const [location, moved] of rows) {
    const { values } = await ask(gateway, `GET /peer/app/?l=${location} HTTP/1.1`, 'Host: gw.test');
    assert.deepEqual(values('location'), [moved]);
  }
});

test('relative references resolve the same for client and app, whether the path had a slash or not', async (t) => {
  const gateway = await startPlainGateway(t, reflect, { policy });
  for (const path of ['/peer/app', '/peer/app/', '/peer/app/a', '/peer/app/a/b']) {
    const { values } = await ask(gateway, `GET ${path}?l=next HTTP/1.1`, 'Host: gw.test');
    const client = new URL(values('location')[0] ?? '', `http://gw.test${path}`).pathname;
    const app = new URL('next', `http://app${path.slice('/peer/app'.length) || '/'}`).pathname;
    assert.equal(client, `/peer/app${app}`, path);
  }
});

test('in host mode rewrites nothing', async (t) => {
  const gateway = await startPlainGateway(t, reflect, { policy });
  const { values } = await ask(gateway, 'GET /d/?l=http://@host/x HTTP/1.1', 'Host: app.peers.test');
  assert.deepEqual(values('location'), ['http://app.peers.test/x']);
  assert.deepEqual(values('set-cookie'), ['a=1; Path=/; Domain=app', 'b=2']);
  assert.deepEqual(values('service-worker-allowed'), ['/']);
});

/** Redirects with references to the Host that the app received and to another site. */
const toItself: RequestListener = ({ headers: { host = '' } }, response) => {
  response.writeHead(302, [
    ...['Location', `http://${host}/x`, 'Content-Location', `//${host}/c`, 'Refresh', `5; url=https://${host}/r`],
    ...['Set-Cookie', `a=1; Domain=${host.replace(/:.*/, '')}`, 'Set-Cookie', 'b=2; Domain=peers.test'],
    ...['Link', '<https://other.test/>'],
  ]);
  response.end();
};

test('in host mode maps references to a replaced Host back', async (t) => {
  const leases = { app: { ...testLease(), hostHeader: 'inner.test:81' } };
  const gateway = await startPlainGateway(t, toItself, { policy: { ...policy, leases } });
  const { values } = await ask(gateway, 'GET / HTTP/1.1', 'Host: app.peers.test');
  assert.deepEqual(values('location'), ['/x']);
  assert.deepEqual(values('content-location'), ['/c']);
  assert.deepEqual(values('refresh'), ['5; url=/r']);
  assert.deepEqual(values('set-cookie'), ['a=1', 'b=2; Domain=peers.test']);
});

test('in path mode moves Refresh below the prefix, once', async (t) => {
  const gateway = await startPlainGateway(
    t,
    ({ headers: { host }, url = '' }, response) => {
      response.writeHead(200, ['Refresh', `5; url=${url.slice(4).replace('@host', String(host))}`, 'refresh', '6']);
      response.end();
    },
    { policy },
  );
  for (const [url, moved] of [
    ['/r', '/peer/app/r'],
    ['http://@host/r', '/peer/app/r'],
    ['../r', '/peer/app/r'],
    ['https://other.test/r', 'https://other.test/r'],
  ] as const) {
    const { values } = await ask(gateway, `GET /peer/app/?l=${url} HTTP/1.1`, 'Host: gw.test');
    assert.deepEqual(values('refresh'), [`5; url=${moved}`]);
  }
});

test('below a path that a proxy removes, gives the client the full path', async (t) => {
  const gateway = await startPlainGateway(t, reflect, { policy: { trustedProxies: ['127.0.0.1'] } });
  const { values } = await ask(gateway, 'GET /peer/app/?l=/x HTTP/1.1', 'Host: a', 'X-Forwarded-Prefix: /outer');
  assert.deepEqual(values('location'), ['/outer/peer/app/x']);
  assert.deepEqual(values('set-cookie'), ['a=1; Path=/outer/peer/app', 'b=2; Path=/outer/peer/app']);
});
