import assert from 'node:assert/strict';
import { connect, type Socket } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { test, type TestContext } from 'node:test';
import { connectionRefused, type ConnectionRefused } from '../../src/kernel/events.ts';
import { key, readUntil, startPlainGateway } from '../helpers/plain-gateway.ts';
import { proxyHeader, proxyHeaderFor, proxyHeaderFor6 } from '../helpers/proxy-header.ts';
import { over } from '../helpers/scripted-app.ts';

const live = 'GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n';

function refusals(t: TestContext): ConnectionRefused[] {
  const heard: ConnectionRefused[] = [];
  const listen = (message: unknown): void => {
    heard.push(message as ConnectionRefused);
  };
  connectionRefused.subscribe(listen);
  t.after(() => {
    connectionRefused.unsubscribe(listen);
  });
  return heard;
}

test('closes connections beyond the limit at once, and leaves open ones alone', async (t) => {
  const { raw } = await startPlainGateway(t, () => undefined, { policy: { limits: { maxConnections: 2 } } });
  const heard = refusals(t);
  const first = raw(live);
  await readUntil(first, 'live');
  const second = raw(live);
  await readUntil(second, 'live');
  assert.equal((await buffer(raw(live)).catch(() => Buffer.alloc(0))).toString(), '');
  assert.deepEqual(heard, [{ ip: '127.0.0.1', reason: 'max_connections' }]);
  first.write(live);
  await readUntil(first, 'live');
  first.end();
  await over(first);
  await readUntil(raw(live), 'live');
});

test('each address has a separate limit', async (t) => {
  const { port } = await startPlainGateway(t, () => undefined, { policy: { limits: { maxConnectionsPerIp: 1 } } });
  const heard = refusals(t);
  const open: Socket[] = [];
  t.after(() => {
    for (const socket of open) socket.destroy();
  });
  const from = async (localAddress: string): Promise<string> => {
    const socket = connect({ host: '127.0.0.1', port, localAddress });
    open.push(socket);
    socket.on('error', () => undefined).write(live);
    return readUntil(socket, 'live').catch(() => '');
  };
  assert.match(await from('127.0.0.1'), /"live"/);
  assert.equal(await from('127.0.0.1'), '');
  assert.match(await from('127.0.0.2'), /"live"/);
  assert.deepEqual(heard, [{ ip: '127.0.0.1', reason: 'max_connections_per_ip' }]);
  const [first] = open;
  assert.ok(first !== undefined);
  first.end();
  await over(first);
  assert.match(await from('127.0.0.1'), /"live"/);
});

test('a trusted proxy may have as many connections as it has clients', async (t) => {
  const { raw } = await startPlainGateway(t, () => undefined, {
    policy: { limits: { maxConnectionsPerIp: 1 }, trustedProxies: ['127.0.0.0/8'] },
  });
  await Promise.all([1, 2, 3].map(() => readUntil(raw(live), 'live')));
});

const trusted = { policy: { trustedProxies: ['127.0.0.1'] }, listener: { proxyProtocol: true } } as const;

test('with the PROXY protocol the proxy names the client, for the app and for the limits', async (t) => {
  const { port } = await startPlainGateway(
    t,
    (request, response) => response.end(`for ${String(request.headers['x-forwarded-for'])}.`),
    { ...trusted, policy: { ...trusted.policy, limits: { maxConnectionsPerIp: 1 } } },
  );
  const heard = refusals(t);
  const open: Socket[] = [];
  t.after(() => {
    for (const socket of open) socket.destroy();
  });
  const call = async (...pieces: (string | Buffer)[]): Promise<string> => {
    const socket = connect({ host: '127.0.0.1', port, noDelay: true });
    open.push(socket);
    socket.on('error', () => undefined);
    for (const piece of pieces) await new Promise((resolve) => socket.write(piece, resolve));
    return readUntil(socket, '.').catch(() => '');
  };
  const get = `GET /peer/app/ HTTP/1.1\r\nHost: x\r\nX-API-Key: ${key}\r\n\r\n`;
  const header = proxyHeaderFor('203.0.113.9');
  assert.match(await call(Buffer.concat([header, Buffer.from(get)])), /for 203\.0\.113\.9\./);
  assert.equal(await call(header, get), '');
  assert.deepEqual(heard, [{ ip: '203.0.113.9', reason: 'max_connections_per_ip' }]);
  const other = proxyHeaderFor('203.0.113.10');
  assert.match(await call(other.subarray(0, 7), other.subarray(7), get), /for 203\.0\.113\.10\./);
  const itself = proxyHeader({ command: 0, family: 0, addresses: Buffer.alloc(0) });
  assert.match(await call(itself, get), /for 127\.0\.0\.1\./);
});

test('closes connections without a PROXY header or from an untrusted proxy', async (t) => {
  const { raw, port } = await startPlainGateway(t, () => undefined, {
    ...trusted,
    policy: { ...trusted.policy, limits: { readHeaderTimeoutMs: 100 } },
  });
  const heard = refusals(t);
  const response = async (socket: Socket): Promise<string> =>
    (await buffer(socket).catch(() => Buffer.alloc(0))).toString();
  assert.equal(await response(raw(live)), '');
  assert.equal(await response(raw('PROXY TCP4 203.0.113.9 198.51.100.7 4711 80\r\n')), '');
  assert.equal(await response(raw(proxyHeaderFor('203.0.113.9').subarray(0, 20).toString('latin1'))), '');
  const half = raw(proxyHeaderFor('203.0.113.9').subarray(0, 20).toString('latin1'));
  half.end();
  assert.equal(await response(half), '');
  const stranger = connect({ host: '127.0.0.1', port, localAddress: '127.0.0.2' });
  stranger.on('error', () => undefined).write(proxyHeaderFor('203.0.113.9'));
  assert.equal(await response(stranger), '');
  assert.deepEqual(
    heard.map(({ ip, reason }) => [ip, reason]),
    [...Array.from({ length: 4 }, () => ['127.0.0.1', 'proxy_protocol']), ['127.0.0.2', 'proxy_protocol']],
  );
});

/** The outcome of a connection for each of the PROXY headers, all of them open at once. */
async function outcomes(t: TestContext, maxConnectionsPerIp: number, headers: readonly Buffer[]): Promise<string[]> {
  const { port } = await startPlainGateway(t, () => undefined, {
    policy: { trustedProxies: ['127.0.0.1', '198.51.100.0/24'], limits: { maxConnectionsPerIp } },
    listener: { proxyProtocol: true },
  });
  const open: Socket[] = [];
  t.after(() => {
    for (const socket of open) socket.destroy();
  });
  const all: string[] = [];
  for (const header of headers) {
    const socket = connect({ host: '127.0.0.1', port });
    open.push(socket);
    socket.on('error', () => undefined).write(Buffer.concat([header, Buffer.from(live)]));
    all.push((await readUntil(socket, 'live').catch(() => '')).includes('live') ? 'served' : 'refused');
  }
  return all;
}

test('counts an IPv6 client as its /64, whatever address within it a connection uses', async (t) => {
  const headers = [
    proxyHeaderFor6('2001:db8:0:1:0:0:0:1'),
    proxyHeaderFor6('2001:db8:0:1:ffff:ffff:ffff:ffff'),
    proxyHeaderFor6('2001:db8:0:1:1234:0:0:9'),
    proxyHeaderFor6('2001:db8:0:2:0:0:0:1'),
  ];
  assert.deepEqual(await outcomes(t, 2, headers), ['served', 'served', 'refused', 'served']);
});

test('a trusted proxy named by another one has no limit, and unknown clients share one', async (t) => {
  const unknown = proxyHeader({ family: 0, addresses: Buffer.alloc(0) });
  const local = proxyHeader({ command: 0, family: 0x41, addresses: Buffer.alloc(7) });
  const proxy = proxyHeaderFor('198.51.100.7');
  const headers = [proxy, proxy, local, local, unknown, unknown];
  assert.deepEqual(await outcomes(t, 1, headers), ['served', 'served', 'served', 'served', 'served', 'refused']);
});
