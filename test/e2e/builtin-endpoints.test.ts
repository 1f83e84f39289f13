import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request, type IncomingMessage, type ServerResponse } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { test, type TestContext } from 'node:test';
import { auth, startPlainGateway, type ReceivedResponse, type PlainGateway } from '../helpers/plain-gateway.ts';

const metrics = (): Promise<{ contentType: string; body: string }> =>
  Promise.resolve({ contentType: 'text/plain; version=0.0.4', body: 'up 1\n' });

interface Details {
  readonly status: string;
  readonly version: string;
  readonly uptime_seconds: number;
  readonly connections: number;
  readonly memory: { readonly rss_bytes: number };
  readonly relays: readonly { readonly relay: string; readonly state: string }[];
}

async function startWithAdmin(
  t: TestContext,
): Promise<PlainGateway & { admin: (path: string) => Promise<ReceivedResponse> }> {
  const gateway = await startPlainGateway(t, (_, response) => response.end('app'), {
    listener: { admin: { port: 0 }, metrics, version: '1.2.3' },
  });
  const port = gateway.gateway.adminAddress()?.port ?? 0;
  return {
    ...gateway,
    admin: async (path) => {
      const outgoing = request({ host: '127.0.0.1', port, path, agent: false }).end();
      const [message] = (await once(outgoing, 'response')) as [IncomingMessage];
      return { status: message.statusCode ?? 0, message, text: (await buffer(message)).toString() };
    },
  };
}

test('serves details and metrics on the main port to this machine', async (t) => {
  const { call } = await startPlainGateway(t, () => undefined, { listener: { metrics, version: '1.2.3' } });
  const details = await call('/health/details?x', { headers: [] });
  assert.equal(details.status, 200);
  const data = JSON.parse(details.text) as Details;
  assert.deepEqual([data.status, data.version, data.connections], ['healthy', '1.2.3', 1]);
  assert.ok(data.uptime_seconds >= 0 && data.memory.rss_bytes > 1_000_000);
  assert.deepEqual(data.relays, [{ relay: 'plain://test', state: 'up' }]);
  const text = await call('/metrics', { headers: [] });
  assert.deepEqual([text.text, text.message.headers['content-type']], ['up 1\n', 'text/plain; version=0.0.4']);
  assert.equal((await call('/metrics', { headers: [], method: 'HEAD' })).text, '');
  const posted = await call('/metrics', { headers: [], method: 'POST' });
  assert.deepEqual([posted.status, posted.message.headers.allow], [405, 'GET, HEAD']);
});

test('hides them from other clients, unless the operator allows the address', async (t) => {
  const { call } = await startPlainGateway(t, () => undefined, { listener: { metrics } });
  for (const path of ['/metrics', '/health/details']) {
    // A proxy on this machine makes remote clients look local.
    for (const name of ['X-Forwarded-For', 'Forwarded', 'Via', 'X-Real-IP']) {
      const response = await call(path, { headers: [name, 'x'] });
      assert.deepEqual([response.status, (JSON.parse(response.text) as { code: string }).code], [404, 'not_found']);
    }
  }
  const stranger = await startPlainGateway(t, () => undefined, {
    listener: { metrics, proxyProtocol: true },
    policy: { trustedProxies: ['127.0.0.1'], metrics: { allowedCidrs: ['203.0.113.0/24'] } },
  });
  const { proxyHeaderFor } = await import('../helpers/proxy-header.ts');
  const from = async (ip: string): Promise<string> => {
    const get = 'GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n';
    const socket = stranger.raw(proxyHeaderFor(ip).toString('latin1') + get);
    return (await buffer(socket)).toString();
  };
  assert.match(await from('203.0.113.9'), /^HTTP\/1\.1 200 /);
  assert.match(await from('198.51.100.9'), /^HTTP\/1\.1 404 /);
});

test('behind a trusted proxy, checks the client’s address', async (t) => {
  const { call } = await startPlainGateway(t, () => undefined, {
    listener: { metrics },
    policy: { trustedProxies: ['127.0.0.1'], metrics: { allowedCidrs: ['203.0.113.0/24'] } },
  });
  const asked = async (...headers: string[]): Promise<number> => (await call('/metrics', { headers })).status;
  assert.equal(await asked('X-Forwarded-For', '203.0.113.9'), 200);
  assert.equal(await asked('X-Forwarded-For', '203.0.113.9, 198.51.100.9'), 404);
  assert.equal(await asked('X-Forwarded-For', '127.0.0.1'), 404);
  assert.equal(await asked('Via', '1.1 proxy'), 404);
});

test('serves metrics at the configured path, or not at all', async (t) => {
  const moved = await startPlainGateway(t, () => undefined, {
    listener: { metrics },
    policy: { metrics: { path: '/internal/numbers' } },
  });
  assert.equal((await moved.call('/internal/numbers', { headers: [] })).text, 'up 1\n');
  assert.equal((await moved.call('/metrics', { headers: [] })).status, 404);
  const off = await startPlainGateway(t, () => undefined, {
    listener: { metrics },
    policy: { metrics: { enabled: false } },
  });
  assert.equal((await off.call('/metrics', { headers: [] })).status, 404);
  const none = await startPlainGateway(t, () => undefined);
  assert.equal((await none.call('/metrics', { headers: [] })).status, 404);
  const broken = await startPlainGateway(t, () => undefined, {
    listener: { metrics: () => Promise.reject(new Error('secret')) },
  });
  const response = await broken.call('/metrics', { headers: [] });
  assert.equal(response.status, 500);
  assert.ok(!response.text.includes('secret'));
});

test('the admin listener serves all built-in endpoints, and nothing else', async (t) => {
  const { admin, call } = await startWithAdmin(t);
  assert.equal((await admin('/metrics')).text, 'up 1\n');
  assert.equal((JSON.parse((await admin('/health/details')).text) as Details).version, '1.2.3');
  assert.equal((await admin('/health')).status, 200);
  assert.equal((await admin('/peer/app/')).status, 404);
  assert.equal((await call('/peer/app/')).text, 'app');
});

test('the admin listener reports draining until the end', async (t) => {
  const held = Promise.withResolvers<ServerResponse>();
  const { admin, gateway, app, open } = await startWithAdmin(t);
  app.removeAllListeners('request').on('request', (_: IncomingMessage, response: ServerResponse) => {
    response.write('begun');
    held.resolve(response);
  });
  const message = await open('/peer/app/');
  const response = await held.promise;
  const drained = gateway.drain(5_000);
  const ready = await admin('/health/ready');
  assert.deepEqual([ready.status, JSON.parse(ready.text)], [503, { status: 'not_ready', reason: 'draining' }]);
  assert.equal((JSON.parse((await admin('/health/details')).text) as Details).status, 'draining');
  assert.equal((await admin('/metrics')).text, 'up 1\n');
  response.end();
  await buffer(message);
  await drained;
  await assert.rejects(admin('/health/live'), { code: 'ECONNREFUSED' });
});

test('adds security headers to gateway responses, and none to responses of apps', async (t) => {
  const { call } = await startPlainGateway(t, (_, response) => response.end());
  const fence = ['x-content-type-options', 'content-security-policy', 'referrer-policy', 'x-frame-options'];
  for (const path of ['/health', '/health/details', '/nowhere']) {
    const { headers } = (await call(path, { headers: [] })).message;
    for (const name of fence) assert.ok(headers[name] !== undefined, `${path}: ${name}`);
    assert.equal(headers['cache-control'], 'no-store');
    assert.equal(headers['strict-transport-security'], undefined, 'without TLS');
    assert.ok(headers['x-request-id'] !== undefined);
  }
  const { headers } = (await call('/peer/app/')).message;
  for (const name of [...fence, 'cache-control', 'proxy-status']) assert.equal(headers[name], undefined, name);
});

test('a browser gets a page, and any other client a problem', async (t) => {
  const { call } = await startPlainGateway(t, () => undefined);
  const asked = async (accept: string): Promise<string> => {
    const response = await call('/nowhere', { headers: ['Accept', accept] });
    assert.equal(response.status, 404);
    assert.equal(
      response.message.headers['proxy-status'],
      'portal-gateway; error=destination_not_found; details="not_found"',
    );
    return response.message.headers['content-type'] ?? '';
  };
  const page = 'text/html; charset=utf-8';
  const problem = 'application/problem+json';
  assert.equal(await asked('text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8'), page);
  assert.equal(await asked('TEXT/HTML'), page);
  assert.equal(await asked('application/json;q=0.5, text/html;q=0.6'), page);
  for (const accept of [
    '*/*',
    '',
    'application/json',
    'text/html;q=0',
    'application/json, text/html;q=0.9',
    'text/*',
  ]) {
    assert.equal(await asked(accept), problem, accept);
  }
  const { message, text } = await call('/nowhere', { headers: ['Accept', 'text/html'] });
  assert.ok(text.includes(String(message.headers['x-request-id'])) && text.includes('not_found'));
  const head = await call('/nowhere', { headers: ['Accept', 'text/html'], method: 'HEAD' });
  assert.deepEqual([head.text, head.message.headers['content-type']], ['', page]);
  const [, hash] = /style-src '(sha256-[^']+)'/.exec(String(message.headers['content-security-policy'])) ?? [];
  const { hash: digest } = await import('node:crypto');
  const [, styles = ''] = /<style>([^]*)<\/style>/.exec(text) ?? [];
  assert.equal(hash, `sha256-${digest('sha256', styles, 'base64')}`, 'the page’s own styles are allowed');
});

test('a key of ours is never part of a response', async (t) => {
  const { call } = await startPlainGateway(t, () => undefined);
  const response = await call('/peer/nobody/', { headers: [...auth, 'Accept', 'text/html'] });
  assert.ok(!response.text.includes(auth[1] ?? '?'));
});
