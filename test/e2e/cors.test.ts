import assert from 'node:assert/strict';
import type { RequestListener } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { test, type TestContext } from 'node:test';
import type { CorsPolicy } from '../../src/policy/policy.ts';
import { ask } from '../helpers/echo-app.ts';
import { startPlainGateway, type PlainGateway } from '../helpers/plain-gateway.ts';
import { testLease, type testPolicy } from '../helpers/policy.ts';

const page = 'https://page.test';
const enabled: CorsPolicy = {
  enabled: true,
  origins: [page],
  methods: ['PUT'],
  headers: ['X-API-Key'],
  credentials: true,
  maxAgeMs: 60_000,
};
const plain = testLease();

/** An app with a mind of its own. */
const app: RequestListener = (request, response) => {
  response.writeHead(200, {
    'access-control-allow-origin': '*',
    'Access-Control-Allow-Credentials': 'maybe',
    'Access-Control-Expose-Headers': 'X-Own',
    vary: 'Accept',
    'x-method': request.method,
  });
  response.end();
};

function start(t: TestContext, policy: Parameters<typeof testPolicy>[0] = { cors: enabled }): Promise<PlainGateway> {
  return startPlainGateway(t, app, { policy });
}

/** As a browser sends it: without a key. */
async function preflight({ raw }: PlainGateway, path: string, ...fields: readonly string[]): Promise<string> {
  const lines = [`OPTIONS ${path} HTTP/1.1`, 'Host: gw.test', ...fields, 'Connection: close', '', ''];
  return (await buffer(raw(lines.join('\r\n')))).toString();
}

const asks = [`Origin: ${page}`, 'Access-Control-Request-Method: PUT', 'Access-Control-Request-Headers: x-api-key'];

test('a preflight is answered by the gateway, without a key and without the app', async (t) => {
  const gateway = await start(t);
  const answer = await preflight(gateway, '/peer/app/x', ...asks);
  assert.match(answer, /^HTTP\/1\.1 204 /);
  assert.match(answer, /\r\nAccess-Control-Allow-Origin: https:\/\/page\.test\r\n/);
  assert.match(answer, /\r\nAccess-Control-Allow-Methods: GET, HEAD, POST, PUT\r\n/);
  assert.match(answer, /\r\nAccess-Control-Allow-Headers: X-API-Key\r\n/);
  assert.match(answer, /\r\nAccess-Control-Max-Age: 60\r\n/);
  assert.match(answer, /\r\nVary: Origin, Access-Control-Request-Method, Access-Control-Request-Headers\r\n/);
  assert.equal(gateway.transport.tunnels.length, 0);
});

test('a preflight of another site learns nothing', async (t) => {
  const answer = await preflight(
    await start(t),
    '/peer/app/',
    'Origin: https://evil.test',
    'Access-Control-Request-Method: GET',
  );
  assert.match(answer, /^HTTP\/1\.1 204 /);
  assert.doesNotMatch(answer, /access-control-allow/i);
});

test('an answer of the app is marked in place of the app, its list of readable fields kept', async (t) => {
  const { values } = await ask(await start(t), 'GET /peer/app/ HTTP/1.1', 'Host: gw.test', `Origin: ${page}`);
  assert.deepEqual(values('access-control-allow-origin'), [page]);
  assert.deepEqual(values('access-control-allow-credentials'), ['true']);
  assert.deepEqual(values('access-control-expose-headers')[0], 'X-Own');
  assert.match(values('access-control-expose-headers')[1] ?? '', /X-Request-ID/);
  assert.deepEqual(values('vary'), ['Accept', 'Origin']);
});

test('an answer for another site, or for none, is not marked, and says that it would differ', async (t) => {
  const gateway = await start(t);
  for (const fields of [[], ['Origin: https://evil.test'], [`Origin: ${page}`, 'Origin: https://evil.test']]) {
    const { status, values } = await ask(gateway, 'GET /peer/app/ HTTP/1.1', 'Host: gw.test', ...fields);
    assert.equal(status, 200);
    assert.deepEqual(values('access-control-allow-origin'), []);
    assert.deepEqual(values('vary'), ['Accept', 'Origin']);
  }
});

test('a page can read the gateway’s refusals', async (t) => {
  const gateway = await start(t);
  const answer = (
    await buffer(gateway.raw(`GET /peer/app/ HTTP/1.1\r\nHost: a\r\nOrigin: ${page}\r\nConnection: close\r\n\r\n`))
  ).toString();
  assert.match(answer, /^HTTP\/1\.1 401 [^]*\r\nAccess-Control-Allow-Origin: https:\/\/page\.test\r\n/);
  const missing = await ask(gateway, 'GET /peer/nobody/ HTTP/1.1', 'Host: gw.test', `Origin: ${page}`);
  assert.deepEqual([missing.status, missing.values('access-control-allow-origin')], [404, [page]]);
});

test('OPTIONS that is no preflight, and every OPTIONS without CORS, is the app’s', async (t) => {
  const on = await ask(await start(t), 'OPTIONS /peer/app/ HTTP/1.1', 'Host: gw.test', `Origin: ${page}`);
  assert.deepEqual([on.status, on.values('x-method')], [200, ['OPTIONS']]);
  const off = await ask(await start(t, {}), 'OPTIONS /peer/app/ HTTP/1.1', 'Host: gw.test', ...asks);
  assert.deepEqual(
    [off.status, off.values('x-method'), off.values('access-control-allow-origin')],
    [200, ['OPTIONS'], ['*']],
  );
});

test('a lease has CORS of its own, by whatever name it is called', async (t) => {
  const own = { ...plain, cors: { ...enabled, origins: ['https://own.test'] } };
  const gateway = await start(t, { cors: enabled, leases: { app: own } });
  // From the first answer on the directory knows which id the name has.
  await ask(gateway, 'GET /peer/app/ HTTP/1.1', 'Host: gw.test');
  const [lease] = await gateway.transport.list();
  for (const name of ['app', 'APP', lease?.id ?? '']) {
    const answer = await preflight(gateway, `/peer/${name}/`, 'Origin: https://own.test', ...asks.slice(1));
    assert.match(answer, /\r\nAccess-Control-Allow-Origin: https:\/\/own\.test\r\n/, name);
    assert.doesNotMatch(await preflight(gateway, `/peer/${name}/`, ...asks), /access-control-allow/i, name);
  }
  assert.match(await preflight(gateway, '/peer/other/', ...asks), /Access-Control-Allow-Origin: https:\/\/page\.test/);
});
