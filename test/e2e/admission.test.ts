import assert from 'node:assert/strict';
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { buffer, text } from 'node:stream/consumers';
import { test, type TestContext } from 'node:test';
import { ask } from '../helpers/echo-app.ts';
import { key, readUntil, startPlainGateway, type PlainGateway } from '../helpers/plain-gateway.ts';
import { handedOver, over } from '../helpers/scripted-app.ts';

const line = (path: string): string => `GET /peer/app${path} HTTP/1.1`;
const get = (path: string, more = ''): string => `${line(path)}\r\nHost: x\r\nX-API-Key: ${key}\r\n${more}\r\n`;
const upgrade = get('/', 'Connection: Upgrade\r\nUpgrade: x\r\n');

type App = ReturnType<typeof handedOver>;

async function start(
  t: TestContext,
  limits: { maxInFlight: number; queue: number; maxStreams: number },
): Promise<{ app: App; gateway: PlainGateway }> {
  const app = handedOver();
  return { app, gateway: await startPlainGateway(t, app.serve, { policy: { limits } }) };
}

/** Resolves when the gateway has read everything sent earlier on other connections. */
async function read(gateway: PlainGateway): Promise<void> {
  await readUntil(gateway.raw('GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n'), 'live');
}

test('requests beyond max_in_flight wait, and those beyond the queue are rejected with Retry-After', async (t) => {
  const { app, gateway } = await start(t, { maxInFlight: 1, queue: 1, maxStreams: 10 });
  const first = gateway.raw(get('/first'));
  const [, held] = await app.next();
  const second = gateway.raw(get('/second'));
  await read(gateway);
  const third = await ask(gateway, line('/third'), 'Host: x');
  assert.deepEqual([third.status, third.code, third.values('retry-after')], [503, 'overloaded', ['1']]);
  held.end('1');
  await readUntil(first, '1');
  const [request, response] = await app.next();
  assert.equal(request.url, '/second');
  response.end('2');
  await readUntil(second, '2');
});

test('never sends a request whose client left the queue', async (t) => {
  const { app, gateway } = await start(t, { maxInFlight: 1, queue: 2, maxStreams: 10 });
  gateway.raw(get('/first'));
  const [, held] = await app.next();
  const leaver = gateway.raw(get('/leaver'));
  gateway.raw(get('/last'));
  await read(gateway);
  leaver.destroy();
  await read(gateway);
  held.end();
  const [request] = await app.next();
  assert.equal(request.url, '/last');
});

test('a stream frees its slot at its head, and a response with a length keeps it to its end', async (t) => {
  const { app, gateway } = await start(t, { maxInFlight: 1, queue: 0, maxStreams: 10 });
  for (const head of [{ 'content-type': 'text/event-stream', 'content-length': 9 }, {}]) {
    const stream = gateway.raw(get('/stream'));
    const [, response] = await app.next();
    response.writeHead(200, head).write('begun');
    await readUntil(stream, 'begun');
  }
  const sized = gateway.raw(get('/sized'));
  const [, response] = await app.next();
  response.writeHead(200, { 'content-length': 9 }).write('begun');
  await readUntil(sized, 'begun');
  assert.equal((await ask(gateway, line('/'), 'Host: x')).code, 'overloaded');
  response.end('done');
  await readUntil(sized, 'done');
  const last = gateway.raw(get('/'));
  (await app.next())[1].end('last');
  await readUntil(last, 'last');
});

test('a stream beyond max_streams is not started, and the app is notified', async (t) => {
  const { app, gateway } = await start(t, { maxInFlight: 10, queue: 0, maxStreams: 1 });
  const stream = gateway.raw(get('/stream'));
  const [, first] = await app.next();
  first.write('begun');
  await readUntil(stream, 'begun');
  const refused = ask(gateway, line('/'), 'Host: x');
  const [request, second] = await app.next();
  const felt = new Promise((resolve) => request.socket.once('close', resolve));
  second.write('too much');
  assert.equal((await refused).code, 'overloaded');
  await felt;
  first.end();
  await readUntil(stream, '0\r\n\r\n');
  const next = gateway.raw(get('/'));
  (await app.next())[1].write('again');
  await readUntil(next, 'again');
});

test('an upgrade counts as a stream from its 101 to its end, and is rejected before the app is contacted', async (t) => {
  const { gateway } = await start(t, { maxInFlight: 1, queue: 0, maxStreams: 1 });
  gateway.app.on('upgrade', (_: IncomingMessage, socket: Socket) => {
    socket.on('error', () => undefined);
    socket.write('HTTP/1.1 101 X\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\nswitched');
    socket.pipe(socket);
  });
  const first = gateway.raw(upgrade);
  await readUntil(first, 'switched');
  assert.match((await buffer(gateway.raw(upgrade))).toString(), /^HTTP\/1\.1 503 [^]*"overloaded"/);
  assert.equal(gateway.transport.tunnels.length, 1);
  const over = new Promise((resolve) => gateway.transport.tunnels[0]?.once('close', resolve));
  first.end();
  await text(first);
  await over;
  await readUntil(gateway.raw(upgrade), 'switched');
});

test('requests free their slots, whatever their outcome', async (t) => {
  const { app, gateway } = await start(t, { maxInFlight: 1, queue: 0, maxStreams: 1 });
  for (let round = 0; round < 3; round += 1) {
    const leaver = gateway.raw(get('/leaver'));
    const [request] = await app.next();
    const left = new Promise((resolve) => request.once('close', resolve));
    leaver.destroy();
    await left;
    const failed = ask(gateway, line('/'), 'Host: x');
    (await app.next())[1].destroy();
    assert.equal((await failed).code, 'tunnel_failed');
    assert.equal((await ask(gateway, 'GET /peer/nobody/ HTTP/1.1', 'Host: x')).code, 'lease_not_found');
    const stream = gateway.raw(get('/stream'));
    const [, response] = await app.next();
    response.write('begun');
    await readUntil(stream, 'begun');
    response.destroy();
    await over(stream);
  }
});

test('at most max_in_flight requests wait for a slow relay to list its leases', async (t) => {
  const { gateway } = await start(t, { maxInFlight: 2, queue: 10, maxStreams: 10 });
  const listed = Promise.withResolvers<undefined>();
  gateway.transport.listsAfter = listed.promise;
  const unknown = get('/').replace('/peer/app', '/peer/nobody').replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n');
  const waiting = [gateway.raw(unknown), gateway.raw(unknown)];
  await read(gateway);
  const refused = await text(gateway.raw(unknown));
  assert.match(refused, /^HTTP\/1\.1 503 [^]*\r\nRetry-After: 1\r\n[^]*"code":"overloaded"/i);
  listed.resolve(undefined);
  for (const socket of waiting) assert.match(await text(socket), /"code":"lease_not_found"/);
  // Those clients have left, so there is capacity again.
  assert.match(await text(gateway.raw(unknown)), /"code":"lease_not_found"/);
});
