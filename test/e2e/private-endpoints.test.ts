// Access to /metrics and /health/details on the main port: neither a connection from this machine
// nor a PROXY header is proof.
import assert from 'node:assert/strict';
import { hash } from 'node:crypto';
import { buffer } from 'node:stream/consumers';
import { test, type TestContext } from 'node:test';
import { startPlainGateway, type PlainGateway } from '../helpers/plain-gateway.ts';
import { key, testKey } from '../helpers/policy.ts';
import { proxyHeader, proxyHeaderFor, proxyHeaderFor6 } from '../helpers/proxy-header.ts';
import { markedSecret } from '../secrecy/marks.ts';

const metrics = (): Promise<{ contentType: string; body: string }> =>
  Promise.resolve({ contentType: 'text/plain; version=0.0.4', body: 'up 1\n' });
const paths = ['/metrics', '/health/details'] as const;
const adminKey = markedSecret('admin-key');

async function statusOf({ raw }: Pick<PlainGateway, 'raw'>, head: string, preface = ''): Promise<number> {
  const response = (await buffer(raw(preface + head)).catch(() => Buffer.alloc(0))).toString('latin1');
  return Number(/^HTTP\/1\.1 (\d{3}) /.exec(response)?.[1] ?? 0);
}

function get(path: string, host: string, ...fields: readonly string[]): string {
  return [`GET ${path} HTTP/1.1`, `Host: ${host}`, 'Connection: close', ...fields, '', ''].join('\r\n');
}

test('a connection from this machine needs a Host of this machine', async (t) => {
  const gateway = await startPlainGateway(t, () => undefined, { listener: { metrics } });
  const own = ['localhost', 'LOCALHOST:80', 'localhost.', 'a.localhost:8080', '127.0.0.1', '127.8.9.1:1', '[::1]:8080'];
  const foreign = ['evil.example', 'localhost.evil.example', 'xlocalhost', '127.0.0.1.nip.io', '10.0.0.1', '0.0.0.0'];
  foreign.push('gateway', '[::2]', '127.1', '2130706433');
  for (const path of paths) {
    for (const host of own) assert.equal(await statusOf(gateway, get(path, host)), 200, `${path} ${host}`);
    for (const host of foreign) assert.equal(await statusOf(gateway, get(path, host)), 404, `${path} ${host}`);
    const absolute = get(`http://evil.example${path}`, 'evil.example');
    assert.equal(await statusOf(gateway, absolute), 404, 'a target in absolute form names the host');
  }
  for (const host of foreign) assert.equal(await statusOf(gateway, get('/health', host)), 200, host);
});

test('reveals nothing through a plain nginx on this machine', async (t) => {
  const gateway = await startPlainGateway(t, () => undefined, { listener: { metrics } });
  for (const path of paths) {
    // The request that nginx sends with only proxy_pass: its own name for the upstream, over
    // HTTP/1.0.
    const plain = `GET ${path} HTTP/1.0\r\nHost: 127.0.0.1:8080\r\nConnection: close\r\n\r\n`;
    assert.equal(await statusOf(gateway, plain), 404, path);
    const usual = get(path, '127.0.0.1:8080', 'X-Real-IP: 203.0.113.9');
    assert.equal(await statusOf(gateway, usual), 404, path);
    assert.equal(await statusOf(gateway, get(path, 'public.example')), 404, path);
  }
});

test('a PROXY header makes no client local, and no client without an address the proxy', async (t) => {
  const gateway = await startPlainGateway(t, () => undefined, {
    listener: { metrics, proxyProtocol: true },
    policy: { trustedProxies: ['127.0.0.1'] },
  });
  const none = Buffer.alloc(0);
  const headers: readonly [string, Buffer, number][] = [
    ['LOCAL', proxyHeader({ command: 0, family: 0, addresses: none }), 200],
    ['a loopback source', proxyHeaderFor('127.0.0.1'), 404],
    ['a loopback source of IPv6', proxyHeaderFor6('0:0:0:0:0:0:0:1'), 404],
    ['a mapped loopback source', proxyHeaderFor6('0:0:0:0:0:ffff:7f00:1'), 404],
    ['UNSPEC', proxyHeader({ family: 0, addresses: none }), 404],
    ['UNIX', proxyHeader({ family: 0x31, addresses: Buffer.alloc(216, '/tmp/x') }), 404],
  ];
  for (const path of paths) {
    for (const [what, header, status] of headers) {
      assert.equal(
        await statusOf(gateway, get(path, 'localhost'), header.toString('latin1')),
        status,
        `${path} ${what}`,
      );
    }
  }
});

test('does not believe a client without an address about others, and reports it to apps as unknown', async (t) => {
  const gateway = await startPlainGateway(
    t,
    (request, response) => {
      const { 'x-forwarded-for': chain, forwarded } = request.headers;
      response.end(`${String(chain)} | ${String(forwarded)}`);
    },
    { listener: { proxyProtocol: true }, policy: { trustedProxies: ['127.0.0.1'] } },
  );
  const headers = [
    proxyHeader({ family: 0, addresses: Buffer.alloc(0) }),
    proxyHeader({ family: 0x31, addresses: Buffer.alloc(216, '/tmp/x') }),
  ];
  for (const header of headers) {
    const head = get('/peer/app/', 'gw.test', `X-API-Key: ${key}`, 'X-Forwarded-For: 203.0.113.9');
    const response = (await buffer(gateway.raw(header.toString('latin1') + head))).toString();
    assert.match(response, /unknown \| for=unknown;host="gw\.test";proto=http/);
    assert.ok(!response.includes('203.0.113.9'));
  }
});

async function withAdminKey(t: TestContext): Promise<PlainGateway> {
  const admin = testKey({
    id: 'admin',
    secret: { kind: 'digest', sha256: hash('sha256', adminKey) },
    scopes: ['admin'],
  });
  return startPlainGateway(t, () => undefined, {
    listener: { metrics },
    policy: { auth: { keys: [testKey(), admin] }, ipRules: { deny: ['127.0.0.3'] } },
  });
}

test('the scope admin opens them from any address, and no other scope does', async (t) => {
  const gateway = await withAdminKey(t);
  for (const path of paths) {
    const asked = (...fields: readonly string[]): Promise<number> =>
      statusOf(gateway, get(path, 'public.example', 'X-Forwarded-For: 203.0.113.9', ...fields));
    assert.equal(await asked(`Authorization: Bearer ${adminKey}`), 200, path);
    assert.equal(await asked(`X-API-Key: ${key}`), 403, path);
    assert.equal(await asked(`X-API-Key: ${key}x`), 401, path);
    assert.equal(await asked(), 404, path);
    const posted = `POST ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 0\r\nX-API-Key: ${adminKey}\r\n\r\n`;
    assert.equal(await statusOf(gateway, posted), 405, path);
  }
});
