import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { test, type TestContext } from 'node:test';
import { requestFailed, type RequestFailed } from '../../src/kernel/events.ts';
import { refused } from '../helpers/keep-alive-client.ts';
import { auth, key, readUntil, startPlainGateway, type ReceivedResponse } from '../helpers/plain-gateway.ts';
import type { ProblemBody } from '../helpers/problem-body.ts';

function problem(response: ReceivedResponse): ProblemBody {
  assert.equal(response.message.headers['content-type'], 'application/problem+json');
  const value = JSON.parse(response.text) as ProblemBody;
  assert.equal(value.status, response.status);
  assert.ok(value.type.endsWith(value.code));
  assert.ok(value.title !== '' && value.detail !== '');
  assert.equal(value.request_id, response.message.headers['x-request-id']);
  return value;
}

const silent = (): void => undefined;

test('every rejection is a problem with its status and code', async (t) => {
  const { call, transport } = await startPlainGateway(t, silent);
  transport.publish({ name: 'Twin', port: 1, id: 'T'.repeat(26) });
  transport.publish({ name: 'tWIN', port: 1, id: 'U'.repeat(26) });
  transport.publish({ name: 'raw', port: 1, alpn: ['tcp'] });
  transport.publish({ name: 'gone', port: 1 });
  const cases: [path: string, method: string, status: number, code: string][] = [
    ['/', 'GET', 404, 'not_found'],
    ['/peer', 'GET', 404, 'not_found'],
    ['/healthy', 'GET', 404, 'not_found'],
    ['/peer/%zz/', 'GET', 400, 'invalid_request'],
    ['/peer//', 'GET', 400, 'invalid_request'],
    [`/peer/${'x'.repeat(300)}/`, 'GET', 400, 'invalid_request'],
    ['/peer/nobody/', 'GET', 404, 'lease_not_found'],
    ['/peer/twin/', 'GET', 409, 'lease_ambiguous'],
    ['/peer/raw/', 'GET', 502, 'lease_unreachable'],
    ['/peer/gone/', 'GET', 502, 'lease_unreachable'],
    ['/peer/app/', 'TRACE', 501, 'not_implemented'],
    ['/health', 'POST', 405, 'method_not_allowed'],
  ];
  for (const [path, method, status, code] of cases) {
    const response = await call(path, { method });
    assert.equal(response.status, status, path);
    if (path.startsWith('/health') && code === 'method_not_allowed') {
      assert.equal(response.message.headers.allow, 'GET, HEAD');
      assert.equal((JSON.parse(response.text) as ProblemBody).code, code);
    } else assert.equal(problem(response).code, code, path);
  }
});

test('a caller without a key, or with a wrong one, gets a challenge, and nothing is forwarded', async (t) => {
  const { call, transport } = await startPlainGateway(t, silent);
  const cases: [headers: string[], code: string, challenge: RegExp][] = [
    [[], 'missing_credentials', /^Bearer realm="portal-gateway"$/],
    [['X-API-Key', 'wrong'], 'invalid_credentials', /error="invalid_token"/],
    [['X-API-Key', ''], 'invalid_credentials', /error="invalid_token"/],
    [['Authorization', 'Bearer wrong'], 'invalid_credentials', /error="invalid_token"/],
    [['Authorization', `Basic ${key}`], 'invalid_credentials', /error="invalid_token"/],
  ];
  for (const [headers, code, challenge] of cases) {
    const response = await call('/peer/app/', { headers });
    assert.equal(response.status, 401);
    assert.equal(problem(response).code, code);
    assert.match(response.message.headers['www-authenticate'] ?? '', challenge);
  }
  const bearer = ['Authorization', `Bearer ${key}`];
  for (const headers of [
    [...auth, ...auth],
    [...auth, ...bearer],
  ]) {
    assert.equal(problem(await call('/peer/app/', { headers })).code, 'invalid_request');
  }
  assert.equal(transport.tunnels.length, 0);
});

test('without a relay no lease is found, and health reports this', async (t) => {
  const { call, transport } = await startPlainGateway(t, silent);
  transport.current = 'down';
  const response = await call('/peer/app/');
  assert.deepEqual(
    [response.status, problem(response).code, response.message.headers['retry-after']],
    [503, 'no_relay', '1'],
  );
  assert.equal(problem(response).retry_after, 1);
  const health = await call('/health', { headers: [] });
  assert.equal(health.status, 503);
  assert.deepEqual(JSON.parse(health.text), { status: 'unhealthy', reason: 'portal_disconnected' });
  assert.equal((await call('/health/ready', { headers: [] })).status, 503);
  assert.equal((await call('/health/live', { headers: [] })).status, 200);
  transport.current = 'up';
  assert.equal((JSON.parse((await call('/health', { headers: [] })).text) as { status: string }).status, 'healthy');
});

test('a relay lost after its leases were listed is no_relay, not an unknown lease', async (t) => {
  const { call, transport } = await startPlainGateway(t, (_, response) => response.end());
  assert.equal((await call('/peer/app/')).status, 200);
  transport.current = 'down';
  assert.equal(problem(await call('/peer/app/')).code, 'no_relay');
});

test("a dial without a response is 504 after the gateway's deadline", async (t) => {
  const { call, transport } = await startPlainGateway(t, silent, { timeouts: { dialMs: 50 } });
  transport.dialInstead = () => new Promise(() => undefined);
  const startMs = performance.now();
  const response = await call('/peer/app/');
  assert.deepEqual([response.status, problem(response).code], [504, 'dial_timeout']);
  assert.ok(performance.now() - startMs >= 50);
});

test('requests over the limits of pool and queue are 503 overloaded', async (t) => {
  const held: ServerResponse[] = [];
  const pool = { maxIdle: 1, maxActive: 2, maxWaiting: 0 };
  const { open, call } = await startPlainGateway(
    t,
    (_, response) => {
      response.write('x');
      held.push(response);
    },
    { pool },
  );
  await open('/peer/app/');
  await open('/peer/app/');
  const response = await call('/peer/app/');
  assert.deepEqual(
    [response.status, problem(response).code, response.message.headers['retry-after']],
    [503, 'overloaded', '1'],
  );
});

test('finds a lease that returned under another id after a rejected dial', async (t) => {
  let aheadMs = 0;
  const clock = { monotonicMs: () => performance.now() + aheadMs, wallMs: Date.now };
  const { call, transport, app } = await startPlainGateway(
    t,
    (_, response) => {
      response.setHeader('connection', 'close');
      response.end('there');
    },
    { clock },
  );
  assert.equal((await call('/peer/app/')).text, 'there');
  const { port } = app.address() as { port: number };
  transport.unpublish('app');
  transport.publish({ name: 'app', port, id: 'Z'.repeat(26) });
  // The relays are asked at most once a second.
  aheadMs += 1_001;
  assert.equal((await call('/peer/app/')).text, 'there');
});

test('rejects non-HTTP with a problem and closes the connection', async (t) => {
  const { raw } = await startPlainGateway(t, silent);
  const cases: [text: string, status: number, code: string][] = [
    ['BROKEN\r\n\r\n', 400, 'invalid_request'],
    [`GET / HTTP/1.1\r\nHost: x\r\nX: ${'y'.repeat(40_000)}\r\n\r\n`, 431, 'headers_too_large'],
    ['CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n', 501, 'not_implemented'],
    ['GET /health HTTP/1.1\r\nHost: x\r\nExpect: miracles\r\nConnection: close\r\n\r\n', 417, 'expectation_failed'],
    [
      `POST /peer/app/ HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\nConnection: close\r\n\r\n0\r\n\r\n`,
      501,
      'not_implemented',
    ],
  ];
  for (const [text, status, code] of cases) {
    const response = (await buffer(raw(text))).toString();
    assert.match(response, new RegExp(`^HTTP/1\\.1 ${status} [^]*Connection: close`), text.slice(0, 20));
    assert.match(response, new RegExp(`"code":"${code}"`), text.slice(0, 20));
  }
});

test('a malformed body within an upload aborts the app’s request and is 400', async (t) => {
  const { raw, app } = await startPlainGateway(t, silent);
  const socket = raw(
    `POST /peer/app/ HTTP/1.1\r\nHost: x\r\nX-API-Key: ${key}\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n`,
  );
  const [request] = (await once(app, 'request')) as [IncomingMessage];
  await once(request, 'data');
  const aborted = assert.rejects(once(request, 'end'), { code: 'ECONNRESET' });
  socket.write('nonsense\r\n');
  assert.match((await buffer(socket)).toString(), /"code":"invalid_request"/);
  await aborted;
});

async function draining(
  t: TestContext,
  drainLingerMs = 100,
): Promise<{
  readonly gateway: Awaited<ReturnType<typeof startPlainGateway>>;
  readonly held: ServerResponse;
  readonly message: IncomingMessage;
}> {
  const app = Promise.withResolvers<ServerResponse>();
  const serve: RequestListener = (_, response) => {
    response.write('begun');
    app.resolve(response);
  };
  const gateway = await startPlainGateway(t, serve, { policy: { limits: { drainLingerMs } } });
  const message = await gateway.open('/peer/app/');
  return { gateway, message, held: await app.promise };
}

test('a drain completes the request in flight, accepts no new connection, and then releases the relay', async (t) => {
  const { gateway, held, message } = await draining(t);
  const { raw } = gateway;
  const busy = raw('GET /health/ready HTTP/1.1\r\nHost: x\r\n\r\n');
  await readUntil(busy, '"ready"');
  const drained = gateway.gateway.drain(5_000);
  await new Promise((resolve) => busy.resume().once('end', resolve));
  await assert.rejects(gateway.call('/health/live'), { code: 'ECONNREFUSED' });
  held.end(' and ended');
  assert.equal((await buffer(message)).toString(), 'begun and ended');
  await drained;
  assert.ok(gateway.transport.tunnels.every(({ destroyed }) => destroyed));
});

test('during a drain, a readiness request on an open connection gets 503 with the reason draining', async (t) => {
  const { gateway, held, message } = await draining(t);
  message.destroy();
  held.destroy();
  // A connection within a request is not idle, so the drain leaves it open.
  const socket = gateway.raw('GET /health/ready HTTP/1.1\r\nHost: x\r\n');
  await readUntil(gateway.raw('GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n'), 'live');
  const drained = gateway.gateway.drain(5_000);
  await refused(gateway.port);
  socket.write('\r\n');
  const response = (await buffer(socket)).toString();
  assert.match(response, /^HTTP\/1\.1 503 [^]*Connection: close[^]*"reason":"draining"/);
  socket.end();
  await drained;
});

test('cuts requests still in flight after the grace period', async (t) => {
  const { gateway, message } = await draining(t);
  message.resume();
  const cut = once(message, 'error');
  await gateway.gateway.drain(20);
  await cut;
  await gateway.gateway.drain(20);
  await gateway.gateway.close();
});

test('publishes a failed request with its cause', async (t) => {
  const { call } = await startPlainGateway(t, (request) => request.socket.destroy());
  const heard: RequestFailed[] = [];
  const listen = (message: unknown): void => {
    heard.push(message as RequestFailed);
  };
  requestFailed.subscribe(listen);
  t.after(() => {
    requestFailed.unsubscribe(listen);
  });
  const response = await call('/peer/app/');
  const own = heard.filter(({ requestId }) => requestId === problem(response).request_id);
  assert.deepEqual(
    own.map(({ error }) => error.code),
    ['tunnel_failed'],
  );
  assert.ok(own[0]?.error.cause instanceof Error);
});
