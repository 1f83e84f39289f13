import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { RequestListener } from 'node:http';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { test, type TestContext } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { call, exposeApp, type ExposedApp, raw, responseTo } from '../../test/helpers/exposed-app.ts';
import { parseTarget } from './app/target.ts';
import type { ServedRequestEvent } from './request-meter.ts';

interface Observed extends ExposedApp {
  readonly opened: ServedRequestEvent[];
  /** Resolves with the next request that is over. */
  finished(): Promise<ServedRequestEvent>;
}

async function observed(
  t: TestContext,
  serve: RequestListener,
  options: Parameters<typeof exposeApp>[2] = {},
): Promise<Observed> {
  const opened: ServedRequestEvent[] = [];
  const finished: ServedRequestEvent[] = [];
  const requests = {
    opened: (request: ServedRequestEvent) => void opened.push(request),
    finished: (request: ServedRequestEvent) => void finished.push(request),
  };
  const app = await exposeApp(t, serve, { requests, ...options });
  const next = async (): Promise<ServedRequestEvent> => {
    for (let waitedMs = 0; finished.length === 0; waitedMs += 5) {
      if (waitedMs > 5_000) assert.fail('no request was reported');
      await setTimeout(5);
    }
    assert.equal(finished.length, 1);
    return finished.shift() ?? assert.fail();
  };
  return { ...app, opened, finished: next };
}

/** Without the duration, which varies. */
function rest({ durationMs, ...event }: ServedRequestEvent): Omit<ServedRequestEvent, 'durationMs'> {
  assert.ok(durationMs >= 0 && durationMs < 10_000, String(durationMs));
  return event;
}

const plain = { stream: undefined, outcome: 'complete', bytesReceived: 0 } as const;

test('reports each request of a tunnel once, with its status, and bytes in both directions', async (t) => {
  const s = await observed(t, (request, response) => {
    if (request.url?.startsWith('/echo') === true) request.pipe(response);
    else {
      const status = Number(request.url?.slice(1));
      response.writeHead(status, status === 204 ? {} : { 'content-length': '5' }).end(status === 204 ? '' : 'hello');
    }
  });
  const { client } = s.tunnel();
  const rows: [Parameters<typeof call>[1], object][] = [
    [{ path: '/200' }, { method: 'GET', path: '/200', status: 200, bytesSent: 5 }],
    [{ path: '/503' }, { method: 'GET', path: '/503', status: 503, bytesSent: 5 }],
    [
      { path: '/204', method: 'DELETE' },
      { method: 'DELETE', path: '/204', status: 204, bytesSent: 0 },
    ],
    [
      { path: '/200', method: 'HEAD' },
      { method: 'HEAD', path: '/200', status: 200, bytesSent: 0 },
    ],
    [
      { path: '/echo?token=secret', method: 'POST', body: Readable.from(['some', 'thing']) },
      { method: 'POST', path: '/echo', status: 200, bytesReceived: 9, bytesSent: 9 },
    ],
  ];
  for (const [options, expected] of rows) {
    await text(await call(s, { ...options, over: client }));
    assert.deepEqual(rest(await s.finished()), { ...plain, ...expected });
  }
  assert.deepEqual(s.opened, []);
});

test('reports responses of expose itself like those of the app', async (t) => {
  const down = await observed(t, () => undefined, { target: parseTarget('127.0.0.1:1') });
  const body = await text(await call(down, { path: '/a?b' }));
  const event = rest(await down.finished());
  assert.deepEqual(event, { ...plain, method: 'GET', path: '/a', status: 502, bytesSent: Buffer.byteLength(body) });
  // The request line cannot be read.
  await responseTo(down, 'GET  / HTTP/1.1\r\n\r\n');
  const unread = await down.finished();
  assert.deepEqual([unread.method, unread.path, unread.status, unread.outcome], ['', '', 400, 'complete']);
});

test('reports an event stream when it opens, and when its caller leaves', async (t) => {
  const s = await observed(t, (_request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' }).write('data: 1\n\n');
  });
  const { client } = s.tunnel();
  const response = await call(s, { path: '/sse', over: client });
  await once(response, 'data');
  const sse = { method: 'GET', path: '/sse', status: 200, bytesReceived: 0, stream: 'sse' } as const;
  assert.deepEqual(s.opened.map(rest), [{ ...sse, bytesSent: 0, outcome: 'complete' }]);
  client.destroy();
  assert.deepEqual(rest(await s.finished()), { ...sse, bytesSent: 9, outcome: 'client_closed' });
});

test('a caller that leaves before the response counts as 499', async (t) => {
  const arrived = Promise.withResolvers<undefined>();
  const s = await observed(t, () => {
    arrived.resolve(undefined);
  });
  const client = raw(s, 'GET /slow HTTP/1.1\r\nHost: x\r\n\r\n');
  await arrived.promise;
  client.destroy();
  const { status, outcome } = await s.finished();
  assert.deepEqual([status, outcome], [499, 'client_closed']);
});

test('a response that the app or the end of expose cuts is reported as cut', async (t) => {
  const s = await observed(t, (request, response) => {
    response.writeHead(200, { 'content-length': '100' }).write('12345', () => {
      if (request.url === '/cut') request.socket.destroy();
    });
  });
  await assert.rejects(text(await call(s, { path: '/cut' })));
  const cut = { ...plain, method: 'GET', path: '/cut', status: 200, bytesSent: 5, outcome: 'cut' };
  assert.deepEqual(rest(await s.finished()), cut);
  const running = await call(s, { path: '/running' });
  await s.bridge.close();
  assert.deepEqual(rest(await s.finished()), { ...cut, path: '/running' });
  await assert.rejects(text(running));
});

for (const [how, outcome] of [
  ['both sides end', 'complete'],
  // Relays forward a reset as an end, so that it looks like one.
  ['the caller disconnects', 'complete'],
  ['the app resets', 'cut'],
] as const) {
  test(`an upgraded connection is reported when it opens and when ${how}`, async (t) => {
    const s = await observed(t, () => undefined);
    s.server.on('upgrade', ({ socket: connection }, socket) => {
      socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: chat\r\n\r\nhello');
      socket.on('error', () => undefined).on('end', () => socket.end());
      socket.on('data', (chunk: Buffer) => {
        socket.write(chunk);
        if (how === 'the app resets') setImmediate(() => connection.resetAndDestroy());
      });
    });
    const upgrade = 'GET /ws?key=1 HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: chat\r\n\r\nfirst';
    const client = raw(s, upgrade);
    let received = '';
    client.on('error', () => undefined).on('data', (chunk: Buffer) => (received += chunk.toString()));
    while (!received.endsWith('hellofirst')) await once(client, 'data');
    if (how === 'both sides end') client.end();
    else if (how === 'the caller disconnects') client.destroy();
    const event = { method: 'GET', path: '/ws', status: 101, stream: 'upgrade' } as const;
    assert.deepEqual(s.opened.map(rest), [{ ...event, bytesReceived: 0, bytesSent: 0, outcome: 'complete' }]);
    assert.deepEqual(rest(await s.finished()), { ...event, bytesReceived: 5, bytesSent: 10, outcome });
  });
}
