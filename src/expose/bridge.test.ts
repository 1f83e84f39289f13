import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { call, exposeApp, raw } from '../../test/helpers/exposed-app.ts';
import { systemClock } from '../kernel/clock.ts';

test('a tunnel carries many requests, one after the other', async (t) => {
  let connections = 0;
  const s = await exposeApp(t, (request, response) => request.pipe(response));
  s.server.on('connection', () => (connections += 1));
  const { client } = s.tunnel();
  for (let i = 0; i < 20; i += 1) {
    const response = await call(s, { method: 'POST', over: client, body: Readable.from([`body ${i}`]) });
    assert.equal(await text(response), `body ${i}`);
  }
  // Requests that cannot be repeated use new connections; repeatable ones reuse the idle
  // connections that these left.
  assert.equal(connections, 20);
  for (let i = 0; i < 20; i += 1) assert.equal(await text(await call(s, { over: client })), '');
  assert.equal(connections, 20);
  assert.equal(client.destroyed, false);
});

test('losing the caller aborts the request in the app at once', async (t) => {
  let seen: ((request: IncomingMessage) => void) | undefined;
  const arrived = new Promise<IncomingMessage>((resolve) => (seen = resolve));
  const s = await exposeApp(t, (request) => seen?.(request));
  const client = raw(s, 'GET / HTTP/1.1\r\nHost: x\r\n\r\n');
  const request = await arrived;
  client.destroy();
  await once(request.socket, 'close');
  assert.equal(s.bridge.openTunnels, 0);
});

test('losing the caller during a stream aborts it in the app', async (t) => {
  let closed: (() => void) | undefined;
  const aborted = new Promise<void>((resolve) => (closed = resolve));
  const s = await exposeApp(t, (_request, response) => {
    response.write('data: 1\n\n');
    response.once('close', () => closed?.());
  });
  const client = raw(s, 'GET / HTTP/1.1\r\nHost: x\r\n\r\n');
  await once(client, 'data');
  client.destroy();
  await aborted;
});

test('closes an idle tunnel when its client closes it', async (t) => {
  const s = await exposeApp(t, (_request, response) => response.end('ok'));
  const { client, app } = s.tunnel();
  assert.equal(await text(await call(s, { over: client })), 'ok');
  client.end();
  if (!app.closed) await once(app, 'close');
  assert.equal(s.bridge.openTunnels, 0);
});

test('rejects tunnels beyond the limit, and accepts new ones when others end', async (t) => {
  const s = await exposeApp(t, (_request, response) => response.end('ok'), { maxTunnels: 1 });
  const first = s.tunnel();
  const second = s.tunnel();
  assert.equal(second.app.destroyed, true);
  assert.deepEqual(s.events, [{ type: 'tunnel_refused', openTunnels: 1 }]);
  first.client.end();
  await once(first.app, 'close');
  assert.equal(await text(await call(s)), 'ok');
});

test('closes an unused tunnel after its idle time', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  let nowMs = 0;
  const clock = { ...systemClock, monotonicMs: () => nowMs };
  const s = await exposeApp(t, (_request, response) => response.end('ok'), { idleTunnelMs: 1000, clock });
  const { app } = s.tunnel();
  const pass = (ms: number): void => {
    nowMs += ms;
    t.mock.timers.tick(ms);
  };
  pass(999);
  assert.equal(app.destroyed, false);
  pass(1);
  assert.equal(app.destroyed, true);
});

test('close() lets the request in flight finish and accepts no new tunnel', async (t) => {
  let finish: (() => void) | undefined;
  const s = await exposeApp(t, (_request, response) => {
    finish = () => response.end('late');
    response.flushHeaders();
  });
  const { client } = s.tunnel();
  const response = await call(s, { over: client });
  const closing = s.bridge.close(60_000);
  assert.equal(s.tunnel().app.destroyed, true);
  finish?.();
  assert.equal(await text(response), 'late');
  client.end();
  await closing;
  assert.equal(s.bridge.openTunnels, 0);
});

test('a drain ends each tunnel after its next response, and accepts new ones for one request each', async (t) => {
  const s = await exposeApp(t, (_request, response) => response.end('ok'));
  const { client: open } = s.tunnel();
  const first = await call(s, { over: open });
  assert.notEqual(first.headers.connection, 'close');
  await text(first);
  s.bridge.drain();
  for (const over of [open, s.tunnel().client]) {
    const response = await call(s, { over });
    assert.equal(response.headers.connection, 'close');
    assert.equal(await text(response), 'ok');
  }
});

test('close() cuts requests that are still running after the grace period', async (t) => {
  const s = await exposeApp(t, (_request, response) => {
    response.flushHeaders();
  });
  const response = await call(s);
  await s.bridge.close(0);
  await assert.rejects(text(response), { code: 'ECONNRESET' });
});

const get = (path: string, fields = ''): string => `GET ${path} HTTP/1.1\r\nHost: app\r\n${fields}\r\n`;

test('pipelined requests reach the app one after the other', async (t) => {
  const held: { readonly path: string; readonly response: ServerResponse }[] = [];
  const s = await exposeApp(t, ({ url = '' }, response) => held.push({ path: url, response }));
  const { client } = s.tunnel();
  // A pipelined request cannot upgrade the connection: it is served as plain HTTP/1.1.
  client.write(get('/a') + get('/b') + get('/c', 'Connection: Upgrade\r\nUpgrade: websocket\r\n'));
  let received = '';
  client.on('data', (piece: Buffer) => (received += piece.toString()));
  for (const path of ['/a', '/b', '/c']) {
    while (held.length === 0) await setTimeout(5);
    assert.deepEqual([held[0]?.path, held.length], [path, 1]);
    held.shift()?.response.end(`body of ${path}`);
    while (!received.endsWith(`body of ${path}`)) await setTimeout(5);
  }
});

test('a client that pipelines too many requests loses its tunnel, and the app sees one request', async (t) => {
  let requests = 0;
  const s = await exposeApp(t, () => (requests += 1));
  const { client } = s.tunnel();
  client.resume().write(get('/').repeat(1_000));
  await once(client, 'end');
  assert.ok(requests <= 1, `${requests} requests`);
});
