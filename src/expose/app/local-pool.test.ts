import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer as createHttpsServer } from 'node:https';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { test, type TestContext } from 'node:test';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { certificate } from '../../../test/helpers/certificates.ts';
import { call, exposeApp } from '../../../test/helpers/exposed-app.ts';
import { Deadlines } from '../../kernel/work/deadlines.ts';
import { systemClock } from '../../kernel/clock.ts';
import type { LocalConnection } from './local-connection.ts';
import { LocalPool } from './local-pool.ts';
import { parseTarget } from './target.ts';

interface App {
  readonly port: number;
  readonly sockets: Set<Socket>;
  readonly connections: () => number;
}

async function app(t: TestContext, fields = ''): Promise<App> {
  const sockets = new Set<Socket>();
  let connections = 0;
  const server: Server = createServer((socket) => {
    connections += 1;
    sockets.add(socket);
    socket
      .on('error', () => undefined)
      .on('close', () => sockets.delete(socket))
      .on('data', () => socket.write(`HTTP/1.1 200 OK\r\n${fields}Content-Length: 2\r\n\r\nok`));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { port: (server.address() as AddressInfo).port, sockets, connections: () => connections };
}

function poolOf({ port }: App, clock = systemClock): LocalPool {
  const target = parseTarget(`127.0.0.1:${port}`);
  return new LocalPool({ target, deadlines: new Deadlines(clock), clock, excess: () => undefined });
}

function connectionOf(pool: LocalPool, freshness: 'any' | 'fresh'): Promise<LocalConnection> {
  return new Promise((resolve, reject) => {
    pool.acquire(
      {
        ready: resolve,
        failed: ({ error }) => {
          reject(error);
        },
      },
      freshness,
    );
  });
}

function exchange({ http }: LocalConnection): Promise<void> {
  return new Promise((resolve, reject) => {
    const head = Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
    http.send(
      { method: 'GET', head, body: undefined, offeredProtocols: '' },
      {
        uploading: () => undefined,
        uploaded: () => undefined,
        informational: () => undefined,
        head: () => undefined,
        data: () => true,
        end: () => {
          setImmediate(resolve);
        },
        upgrade: () => undefined,
        fail: reject,
      },
    );
  });
}

test('reuses the connection used last, and never reuses one for a request that needs a fresh one', async (t) => {
  const a = await app(t);
  const pool = poolOf(a);
  t.after(() => {
    pool.close();
  });
  const first = await connectionOf(pool, 'any');
  const second = await connectionOf(pool, 'any');
  await exchange(first);
  await exchange(second);
  assert.equal(pool.idle, 2);
  const third = await connectionOf(pool, 'fresh');
  assert.ok(third !== first && third !== second);
  assert.equal(await connectionOf(pool, 'any'), second);
  assert.equal(await connectionOf(pool, 'any'), first);
  assert.equal(a.connections(), 3);
});

for (const [fields, idleMs] of [
  ['', 2_000],
  ['Keep-Alive: timeout=1\r\n', 500],
  ['Keep-Alive: timeout=60\r\n', 2_000],
] as const) {
  test(`keeps a connection idle for at most ${idleMs} ms if the app sends "${fields.trim()}"`, async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    let nowMs = 0;
    const pool = poolOf(await app(t, fields), { ...systemClock, monotonicMs: () => nowMs });
    await exchange(await connectionOf(pool, 'any'));
    const pass = (ms: number): void => {
      nowMs += ms;
      t.mock.timers.tick(ms);
    };
    pass(idleMs - 1);
    assert.equal(pool.idle, 1);
    pass(1);
    assert.equal(pool.idle, 0);
  });
}

test('keeps no idle connection to an app that wants none', async (t) => {
  const pool = poolOf(await app(t, 'Keep-Alive: timeout=0\r\n'));
  await exchange(await connectionOf(pool, 'any'));
  assert.equal(pool.idle, 0);
});

test('does not reuse a connection that the app closed while idle', async (t) => {
  const a = await app(t);
  const pool = poolOf(a);
  await exchange(await connectionOf(pool, 'any'));
  for (const socket of a.sockets) socket.end();
  while (pool.idle > 0) await new Promise((resolve) => setImmediate(resolve));
});

test('keeps at most 256 idle connections, and none after close()', async (t) => {
  const a = await app(t);
  const pool = poolOf(a);
  const all = await Promise.all(Array.from({ length: 260 }, () => connectionOf(pool, 'fresh')));
  await Promise.all(all.map(exchange));
  assert.equal(pool.idle, 256);
  pool.close();
  assert.equal(pool.idle, 0);
  while (a.sockets.size > 0) await new Promise((resolve) => setImmediate(resolve));
});

test('closes up to 5,000 connections a minute in order and resets the rest, so that local ports do not run out', async (t) => {
  const server = await app(t);
  let nowMs = 0;
  const target = parseTarget(`127.0.0.1:${server.port}`);
  const pool = new LocalPool({
    target,
    deadlines: new Deadlines(systemClock),
    excess: () => undefined,
    clock: { ...systemClock, monotonicMs: () => nowMs },
  });
  const howItEnds = async (): Promise<string> => {
    const connection = await connectionOf(pool, 'fresh');
    const socket = [...server.sockets].at(-1);
    assert.ok(socket !== undefined);
    socket.removeAllListeners('error');
    const end = Promise.withResolvers<string>();
    socket
      .resume()
      .once('end', () => {
        end.resolve('in order');
      })
      .once('error', () => {
        end.resolve('reset');
      });
    connection.single = true;
    pool.released(connection);
    return end.promise;
  };
  assert.equal(await howItEnds(), 'in order');
  const closing = await connectionOf(pool, 'fresh');
  closing.single = true;
  for (let closed = 1; closed < 5_000; closed += 1) pool.released(closing);
  assert.equal(await howItEnds(), 'reset');
  nowMs = 60_000;
  assert.equal(await howItEnds(), 'in order');
});

test('cancels a dial when no request waits for it any more', async (t) => {
  const pool = poolOf(await app(t));
  const waiter = {
    ready: () => assert.fail('the dial was cancelled'),
    failed: () => assert.fail('the dial was cancelled'),
  };
  pool.acquire(waiter, 'fresh');
  pool.cancel(waiter);
  await exchange(await connectionOf(pool, 'any'));
});

test('reaches an app at localhost again after it moves to the other address family', async () => {
  const first = createServer((socket) => socket.on('error', () => undefined).resume());
  first.listen(0, '127.0.0.1');
  await once(first, 'listening');
  const { port } = first.address() as AddressInfo;
  const deadlines = new Deadlines(systemClock);
  const pool = new LocalPool({
    target: parseTarget(String(port)),
    deadlines,
    clock: systemClock,
    excess: () => undefined,
  });
  (await connectionOf(pool, 'fresh')).http.destroy();
  first.close();
  await once(first, 'close');
  await assert.rejects(connectionOf(pool, 'fresh'), { code: 'app_unreachable' });
  const second = createServer((socket) => socket.on('error', () => undefined).resume());
  second.listen(port, '::1');
  await once(second, 'listening');
  (await connectionOf(pool, 'fresh')).http.destroy();
  second.close();
});

test('verifies an https:// target and then connects over TLS', async (t) => {
  const server = createHttpsServer({ cert: certificate.cert, key: certificate.key }, (request, response) => {
    response.end(`${request.headers.host ?? ''} ${String('encrypted' in request.socket)}`);
  });
  server.listen(0, 'localhost');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const trusted = getCACertificates('default');
  t.after(() => {
    setDefaultCACertificates(trusted);
    server.closeAllConnections();
    server.close();
  });
  const s = await exposeApp(t, () => undefined, { target: parseTarget(`https://localhost:${port}`) });
  const refused = await call(s);
  assert.equal(refused.statusCode, 502);
  assert.match(String(refused.headers['proxy-status']), /error=tls_certificate_error; details="app_unreachable"/);
  setDefaultCACertificates([...trusted, certificate.cert]);
  for (let i = 0; i < 2; i += 1) {
    const response = await call(s, { method: i === 0 ? 'GET' : 'POST' });
    assert.equal(await text(response), `localhost:${port} true`);
  }
});
