import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { after, before, test } from 'node:test';
import { Readable } from 'node:stream';
import { buffer, text } from 'node:stream/consumers';
import { WebSocket } from 'ws';
import { byteAt, maxBytes } from './bytes.ts';
import { createDemoApp } from './demo-app.ts';

const server = createDemoApp({ gatewayId: 'GATEWAYID', relay: 'ws://relay.test', leaseId: 'LEASEID' });
let port = 0;
before(async () => {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  port = (server.address() as AddressInfo).port;
});
after(() => {
  server.closeAllConnections();
  server.close();
});

interface Call {
  readonly method?: string;
  readonly headers?: Record<string, string>;
  readonly body?: Readable;
}

async function get(path: string, { method = 'GET', headers = {}, body }: Call = {}): Promise<IncomingMessage> {
  const outgoing = httpRequest({ port, host: '127.0.0.1', agent: false, path, method, headers });
  if (body === undefined) outgoing.end();
  else body.pipe(outgoing);
  const [response] = (await once(outgoing, 'response')) as [IncomingMessage];
  return response;
}

test('the page shows the caller and the route taken, from the request headers', async () => {
  const response = await get('/', {
    headers: {
      'x-request-id': 'request-1',
      'x-gateway-key-id': 'billing-bot',
      'x-forwarded-for': '203.0.113.9',
      'x-forwarded-host': 'gateway.test',
      'x-forwarded-prefix': '/peer/demo',
      via: '1.1 gateway, 1.1 portal-expose',
    },
  });
  assert.equal(response.headers['content-type'], 'text/html; charset=utf-8');
  const page = await text(response);
  for (const part of [
    'request-1',
    'billing-bot',
    '203.0.113.9',
    'http://gateway.test/peer/demo',
    'portal-expose',
    'GATEWAYID',
    'LEASEID',
    'ws://relay.test',
  ]) {
    assert.ok(page.includes(part), part);
  }
});

test('the page reports if there is no gateway in between', async () => {
  const page = await text(await get('/'));
  assert.match(page, /You came straight to the app/);
  assert.doesNotMatch(page, /GATEWAYID/);
});

test('the page escapes request data and shows no credential', async () => {
  const headers = {
    'x-evil': '<script>alert(1)</script>"\'',
    authorization: 'Bearer secret',
    cookie: 'secret=1',
    'x-api-key': 'secret',
  };
  const response = await get('/', { headers });
  const page = await text(response);
  assert.doesNotMatch(page, /<script|secret/);
  assert.match(page, /&#60;script&#62;/);
  assert.match(String(response.headers['content-security-policy']), /default-src 'none'/);
});

test('echo streams the body back while it is still arriving', async () => {
  const body = new Readable({ read: () => undefined });
  body.push('first');
  const response = await get('/echo', { method: 'POST', headers: { 'content-type': 'text/x-own' }, body });
  assert.equal(response.headers['content-type'], 'text/x-own');
  assert.equal(response.headers['x-echo-method'], 'POST');
  assert.equal(((await once(response, 'data')) as [Buffer])[0].toString(), 'first');
  body.push('second');
  assert.equal(((await once(response, 'data')) as [Buffer])[0].toString(), 'second');
  body.push(null);
  await once(response, 'end');
});

test('echo without a body describes the request, byte for byte', async () => {
  const response = await get('/echo?x=%20', { headers: { 'X-Own': '1' } });
  const description = JSON.parse(await text(response)) as {
    target: string;
    headers: string[][];
    body: { bytes: number };
  };
  assert.equal(description.target, '/echo?x=%20');
  assert.deepEqual(description.headers[0], ['X-Own', '1']);
  assert.equal(description.body.bytes, 0);
});

test('echo as JSON gives length and hash of the upload', async () => {
  const body = Buffer.alloc(3_000_000, 'portal');
  const response = await get('/echo?as=json', { method: 'PUT', body: Readable.from([body]) });
  const description = JSON.parse(await text(response)) as { body: unknown };
  assert.deepEqual(description.body, { bytes: body.length, sha256: createHash('sha256').update(body).digest('hex') });
});

test('sends the requested number of numbered events, and resumes after the last one seen', async () => {
  const idsOf = (stream: string): string[] => [...stream.matchAll(/^id: (\d+)$/gm)].map((match) => match[1] ?? '');
  const response = await get('/sse?count=3&interval=1');
  assert.match(response.headers['content-type'] ?? '', /^text\/event-stream/);
  assert.deepEqual(idsOf(await text(response)), ['1', '2', '3']);
  const resumed = await get('/sse?count=3&interval=1', { headers: { 'last-event-id': '2' } });
  assert.deepEqual(idsOf(await text(resumed)), ['3']);
  assert.equal((await get('/sse?count=3', { headers: { 'last-event-id': '3' } })).statusCode, 204);
});

test('sends the requested number of bytes, each derived from its position', async () => {
  for (const length of [0, 1, 65_536, 200_001]) {
    const response = await get(`/bytes/${length}`);
    assert.equal(response.headers['content-length'], `${length}`);
    const body = await buffer(response);
    assert.equal(body.length, length);
    assert.ok(body.every((byte, position) => byte === byteAt(position)));
  }
  assert.equal(byteAt(0x0304_0102), 1 ^ 2 ^ 4);
});

test('a download waits for its reader and stops when the reader leaves', async () => {
  const accepting = once(server, 'connection') as Promise<[Socket]>;
  const socket = connect(port, '127.0.0.1');
  const [accepted] = await accepting;
  socket.pause().write(`GET /bytes/${maxBytes} HTTP/1.1\r\nHost: x\r\n\r\n`);
  while (!accepted.writableNeedDrain) await new Promise((resolve) => setImmediate(resolve));
  assert.ok(accepted.writableLength < 1024 * 1024);
  const closed = new Promise((resolve) => accepted.once('close', resolve));
  socket.destroy();
  await closed;
});

test('a slow response takes as long as requested, and does not slow others', async () => {
  const start = performance.now();
  assert.equal(await text(await get('/slow?ms=30')), 'That took 30 ms.\n');
  assert.ok(performance.now() - start >= 29);
});

const statuses: readonly (readonly [path: string, status: number])[] = [
  ['/status/200', 200],
  ['/status/204', 204],
  ['/status/302', 302],
  ['/status/304', 304],
  ['/status/599', 599],
  ['/status/101', 400],
  ['/status/600', 400],
  ['/status/x', 400],
  ['/bytes/-1', 400],
  ['/bytes/99999999999999', 400],
  ['/slow?ms=x', 400],
  ['/sse?count=-1', 400],
  ['/ws', 426],
  ['/nothing', 404],
  ['/echo/more', 404],
  ['//', 200],
];
for (const [path, status] of statuses) {
  test(`${path} responds with ${status}`, async () => {
    const response = await get(path);
    assert.equal(response.statusCode, status);
    response.resume();
  });
}

test('the WebSocket echoes text and binary messages, and selects the first protocol offered', async () => {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/ws`, ['one', 'two']);
  await once(socket, 'open');
  assert.equal(socket.protocol, 'one');
  for (const message of ['text', Buffer.alloc(300_000, 7)]) {
    socket.send(message);
    const [data, isBinary] = (await once(socket, 'message')) as [Buffer, boolean];
    assert.deepEqual(isBinary ? data : data.toString(), message);
  }
  socket.close(4002, 'done');
  assert.equal(((await once(socket, 'close')) as [number])[0], 4002);
});

test('handles an upgrade on any other path as a plain request', async () => {
  const response = await get('/status/418', { headers: { connection: 'upgrade', upgrade: 'websocket' } });
  assert.equal(response.statusCode, 418);
});
