import assert from 'node:assert/strict';
import type { RequestListener } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { test, type TestContext } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { systemClock } from '../../src/kernel/clock.ts';
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

/** An app that sets its own CORS headers. */
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

type Parts = NonNullable<Parameters<typeof testPolicy>[0]>;

function start(t: TestContext, policy: Parts = { cors: enabled }): Promise<PlainGateway> {
  return startPlainGateway(t, app, { policy });
}

/** Sends a preflight as a browser does: without a key. */
async function preflight({ raw }: PlainGateway, path: string, ...fields: readonly string[]): Promise<string> {
  const lines = [`OPTIONS ${path} HTTP/1.1`, 'Host: gw.test', ...fields, 'Connection: close', '', ''];
  return (await buffer(raw(lines.join('\r\n')))).toString();
}

const asks = [`Origin: ${page}`, 'Access-Control-Request-Method: PUT', 'Access-Control-Request-Headers: x-api-key'];

test('the gateway responds to a preflight, without a key and without the app', async (t) => {
  const gateway = await start(t);
  const response = await preflight(gateway, '/peer/app/x', ...asks);
  assert.match(response, /^HTTP\/1\.1 204 /);
  assert.match(response, /\r\nAccess-Control-Allow-Origin: https:\/\/page\.test\r\n/);
  assert.match(response, /\r\nAccess-Control-Allow-Methods: GET, HEAD, POST, PUT\r\n/);
  assert.match(response, /\r\nAccess-Control-Allow-Headers: X-API-Key\r\n/);
  assert.match(response, /\r\nAccess-Control-Max-Age: 60\r\n/);
  assert.match(response, /\r\nVary: Origin, Access-Control-Request-Method, Access-Control-Request-Headers\r\n/);
  assert.equal(gateway.transport.tunnels.length, 0);
});

test('a preflight from another site learns nothing', async (t) => {
  const response = await preflight(
    await start(t),
    '/peer/app/',
    'Origin: https://evil.test',
    'Access-Control-Request-Method: GET',
  );
  assert.match(response, /^HTTP\/1\.1 204 /);
  assert.doesNotMatch(response, /access-control-allow/i);
});

test("sets CORS headers in place of the app's, and keeps its list of exposed headers", async (t) => {
  const { values } = await ask(await start(t), 'GET /peer/app/ HTTP/1.1', 'Host: gw.test', `Origin: ${page}`);
  assert.deepEqual(values('access-control-allow-origin'), [page]);
  assert.deepEqual(values('access-control-allow-credentials'), ['true']);
  assert.deepEqual(values('access-control-expose-headers')[0], 'X-Own');
  assert.match(values('access-control-expose-headers')[1] ?? '', /X-Request-ID/);
  assert.deepEqual(values('vary'), ['Accept', 'Origin']);
});

test('a response for another or no origin gets no CORS headers except Vary', async (t) => {
  const gateway = await start(t);
  for (const fields of [[], ['Origin: https://evil.test'], [`Origin: ${page}`, 'Origin: https://evil.test']]) {
    const { status, values } = await ask(gateway, 'GET /peer/app/ HTTP/1.1', 'Host: gw.test', ...fields);
    assert.equal(status, 200);
    assert.deepEqual(values('access-control-allow-origin'), []);
    assert.deepEqual(values('vary'), ['Accept', 'Origin']);
  }
});

test('a page can read error responses of the gateway', async (t) => {
  const gateway = await start(t);
  const response = (
    await buffer(gateway.raw(`GET /peer/app/ HTTP/1.1\r\nHost: a\r\nOrigin: ${page}\r\nConnection: close\r\n\r\n`))
  ).toString();
  assert.match(response, /^HTTP\/1\.1 401 [^]*\r\nAccess-Control-Allow-Origin: https:\/\/page\.test\r\n/);
  const missing = await ask(gateway, 'GET /peer/nobody/ HTTP/1.1', 'Host: gw.test', `Origin: ${page}`);
  assert.deepEqual([missing.status, missing.values('access-control-allow-origin')], [404, [page]]);
});

test('forwards OPTIONS that is not a preflight, and every OPTIONS without CORS, to the app', async (t) => {
  const on = await ask(await start(t), 'OPTIONS /peer/app/ HTTP/1.1', 'Host: gw.test', `Origin: ${page}`);
  assert.deepEqual([on.status, on.values('x-method')], [200, ['OPTIONS']]);
  const off = await ask(await start(t, {}), 'OPTIONS /peer/app/ HTTP/1.1', 'Host: gw.test', ...asks);
  assert.deepEqual(
    [off.status, off.values('x-method'), off.values('access-control-allow-origin')],
    [200, ['OPTIONS'], ['*']],
  );
});

test('a lease has separate CORS rules, under every name', async (t) => {
  const own = { ...plain, cors: { ...enabled, origins: ['https://own.test'] } };
  const gateway = await start(t, { cors: enabled, leases: { app: own } });
  const [lease] = await gateway.transport.list();
  // The response does not depend on earlier requests.
  for (const name of [lease?.id ?? '', 'app', 'APP']) {
    const response = await preflight(gateway, `/peer/${name}/`, 'Origin: https://own.test', ...asks.slice(1));
    assert.match(response, /\r\nAccess-Control-Allow-Origin: https:\/\/own\.test\r\n/, name);
    assert.doesNotMatch(await preflight(gateway, `/peer/${name}/`, ...asks), /access-control-allow/i, name);
  }
  assert.match(await preflight(gateway, '/peer/other/', ...asks), /Access-Control-Allow-Origin: https:\/\/page\.test/);
});

const appId = `APP${'A'.repeat(23)}`;
const otherId = `OTHER${'A'.repeat(21)}`;
const noId = `NOB${'A'.repeat(23)}`;
const ownPage = 'https://own.test';
const own = { ...plain, cors: { ...enabled, origins: [ownPage] } };
const asksFrom = (origin: string): string[] => [`Origin: ${origin}`, ...asks.slice(1)];

/**
 * Returns what the page learns: the allowed origin, `none` for a preflight that allows no origin,
 * or the status of a response that is not a preflight response.
 */
async function seen(gateway: PlainGateway, path: string, origin: string, ...more: readonly string[]): Promise<string> {
  const response = await preflight(gateway, path, ...asksFrom(origin), ...more);
  const [, status = ''] = response.split(' ', 2);
  return status === '204' ? (/\r\nAccess-Control-Allow-Origin: (.*)\r\n/.exec(response)?.[1] ?? 'none') : status;
}

for (const [where, leases] of [
  ['its name', { app: own }],
  ['its id', { [appId]: own }],
  ['a prefix of its name', { 'ap*': own }],
] as const) {
  for (const general of [true, false]) {
    test(`lease rules under ${where} apply from the first request, by name and by id, general rules ${general ? 'on' : 'off'}`, async (t) => {
      for (const name of ['app', appId]) {
        for (const [origin, allowed] of [
          [ownPage, ownPage],
          [page, 'none'],
          ['https://evil.test', 'none'],
        ] as const) {
          const gateway = await start(t, { cors: { ...enabled, enabled: general }, leases });
          assert.equal(await seen(gateway, `/peer/${name}/`, origin), allowed, `${name} from ${origin}`);
          // It does not depend on earlier requests either.
          await ask(gateway, 'GET /peer/app/ HTTP/1.1', 'Host: gw.test');
          assert.equal(await seen(gateway, `/peer/${name}/`, origin), allowed, `${name} from ${origin}, known`);
        }
      }
    });
  }
}

test('a preflight for a lease with unknown rules waits for the relays, like a request', async (t) => {
  const gateway = await start(t, { cors: enabled, leases: { app: own } });
  const { promise, resolve } = Promise.withResolvers<undefined>();
  gateway.transport.listsAfter = promise;
  const state = { isOver: false };
  const response = seen(gateway, `/peer/${appId}/`, ownPage).finally(() => (state.isOver = true));
  while (gateway.transport.listed === 0 && !state.isOver) await turn();
  assert.equal(state.isOver, false);
  resolve(undefined);
  assert.equal(await response, ownPage);
});

test('a preflight decided by the configuration contacts no relay', async (t) => {
  const gateway = await start(t);
  assert.equal(await seen(gateway, `/peer/${appId}/`, page), page);
  const byId = await start(t, { cors: enabled, leases: { [appId]: own } });
  assert.equal(await seen(byId, `/peer/${appId}/`, ownPage), ownPage);
  const pinned = await start(t, { cors: enabled, leases: { [appId]: own }, leasePins: { app: appId } });
  assert.equal(await seen(pinned, '/peer/app/', page), 'none');
  for (const { transport } of [gateway, byId, pinned]) assert.equal(transport.listed, 0);
});

test('a preflight does not reveal whether a lease exists, in any state of the relays', async (t) => {
  for (const general of [true, false]) {
    for (const state of ['up', 'down', 'unlisted'] as const) {
      const gateway = await start(t, { cors: { ...enabled, enabled: general }, leases: { app: own } });
      if (state === 'unlisted') gateway.transport.unpublish('app');
      else gateway.transport.current = state;
      for (const origin of [ownPage, page, 'https://evil.test']) {
        const responses = [];
        for (const id of [appId, noId]) responses.push(await seen(gateway, `/peer/${id}/`, origin));
        assert.deepEqual(responses[0], responses[1], `${origin}, ${state}`);
        assert.equal(responses[0], origin === ownPage ? ownPage : 'none');
      }
    }
  }
});

test('a preflight with a wrong credential, which no browser sends, does not reveal it either', async (t) => {
  const gateway = await start(t, { leases: { other: own } });
  for (const origin of [ownPage, page, 'https://evil.test']) {
    const responses = [];
    for (const id of [appId, noId]) {
      responses.push(await seen(gateway, `/peer/${id}/`, origin, 'X-API-Key: wrong'));
      responses.push(await seen(gateway, `/peer/${id}/`, origin));
    }
    assert.equal(new Set(responses).size, 1, `${origin}: ${responses.join()}`);
  }
});

test('timing does not reveal it: a known private lease waits like an unknown one', async (t) => {
  let passedMs = 0;
  const clock = { ...systemClock, monotonicMs: () => systemClock.monotonicMs() + passedMs };
  const policy = { cors: enabled, leases: { app: own } };
  const gateway = await startPlainGateway(t, app, { policy, clock });
  const { transport } = gateway;
  await ask(gateway, 'GET /peer/app/ HTTP/1.1', 'Host: gw.test');
  for (const id of [appId, noId]) {
    passedMs += 1_050;
    const before = transport.listed;
    await seen(gateway, `/peer/${id}/`, ownPage);
    assert.equal(transport.listed, before + 1, id);
    await seen(gateway, `/peer/${id}/`, ownPage);
    assert.equal(transport.listed, before + 1, id);
  }
});

test('an unknown lease never gets the general rules if narrower ones may apply to it', async (t) => {
  const gateway = await start(t, { cors: enabled, leases: { app: own, [otherId]: own } });
  assert.equal(await seen(gateway, `/peer/${noId}/`, page), 'none');
  assert.equal(await seen(gateway, '/peer/nobody/', page), 'none');
  gateway.transport.publish({ name: 'open', port: 1 });
  assert.equal(await seen(await start(t, { cors: enabled, leases: { app: own } }), '/peer/nobody/', page), page);
});

test('forwards OPTIONS with a credential for a lease without CORS, whatever other leases have', async (t) => {
  const gateway = await start(t, { leases: { other: own } });
  const response = await ask(gateway, `OPTIONS /peer/${appId}/ HTTP/1.1`, 'Host: gw.test', ...asks);
  assert.deepEqual([response.status, response.values('x-method')], [200, ['OPTIONS']]);
});

test('a page of an allowed origin can read rejections from before the CORS stage', async (t) => {
  const denied = { allow: [], deny: ['127.0.0.0/8'] };
  const perIp = { requestsPerSecond: 0.01, burst: 1 };
  const rows: readonly [status: number, policy: Parts, fields: readonly string[]][] = [
    [403, { ipRules: denied }, []],
    [429, { rateLimit: { perIp } }, []],
    [413, { limits: { maxBodyBytes: 10 } }, ['Content-Length: 11']],
    // Too many fields, and too many bytes, which Node's parser does not read to the end.
    [431, {}, Array.from({ length: 200 }, (_, i) => `X-${i}: 1`)],
    [431, {}, [`Cookie: ${'c'.repeat(40_000)}`]],
  ];
  for (const [status, policy, fields] of rows) {
    const gateway = await start(t, { cors: enabled, ...policy });
    await ask(gateway, 'GET /peer/app/ HTTP/1.1', 'Host: gw.test');
    for (const [origin, allowed] of [
      [page, [page]],
      ['https://evil.test', []],
    ] as const) {
      const response = await ask(gateway, 'POST /peer/app/ HTTP/1.1', 'Host: gw.test', `Origin: ${origin}`, ...fields);
      assert.equal(response.status, status);
      assert.deepEqual(response.values('access-control-allow-origin'), allowed, String(status));
      assert.ok(response.values('vary').includes('Origin'));
      if (allowed.length === 0) continue;
      const exposed = response.values('access-control-expose-headers').join();
      assert.ok(exposed.includes('Proxy-Status') && exposed.includes('Retry-After'), exposed);
      assert.match(response.values('proxy-status').join(), /portal-gateway; error=/);
    }
  }
});

test('responds to a preflight from a rejected address, so that the page can read the rejection', async (t) => {
  const gateway = await start(t, { cors: enabled, ipRules: { allow: [], deny: ['127.0.0.0/8'] } });
  assert.equal(await seen(gateway, '/peer/app/', page), page);
  assert.equal(await seen(gateway, '/peer/app/', 'https://evil.test'), '403');
  assert.equal(await seen(gateway, '/elsewhere', page), '403');
  assert.equal(gateway.transport.listed, 0);
});

test('a preflight never allows headers that the gateway removes, except the credential', async (t) => {
  const wanted = 'x-own,X-Forwarded-User, remote_user ,x-gateway-key,x_gateway_key,x-request-id,x-gateway-subject';
  for (const headers of [['*'], wanted.split(',')]) {
    const gateway = await start(t, { cors: { ...enabled, headers } });
    const fields = [...asks.slice(0, 2), `Access-Control-Request-Headers: ${wanted}`];
    const allowed = /\r\nAccess-Control-Allow-Headers: (.*)\r\n/.exec(
      await preflight(gateway, '/peer/app/', ...fields),
    )?.[1];
    assert.deepEqual(
      allowed?.split(',').map((name) => name.trim()),
      ['x-own', 'x-gateway-key', 'x-request-id'],
    );
  }
});
