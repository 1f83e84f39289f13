import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { connect } from 'node:net';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { key, readUntil, startPlainGateway } from '../helpers/plain-gateway.ts';
import { handedOver, settled } from '../helpers/scripted-app.ts';

const piece = Buffer.alloc(65_536, 'x');
const get = (path: string): string => `GET /peer/app${path} HTTP/1.1\r\nHost: x\r\nX-API-Key: ${key}\r\n\r\n`;

test('a slow client blocks the app, and receives all bytes when it reads on', async (t) => {
  const total = 64 * 1024 * 1024;
  let written = 0;
  const { open } = await startPlainGateway(t, (_, response) => {
    response.writeHead(200, { 'content-length': total });
    const more = (): void => {
      while (written < total) {
        written += piece.length;
        if (!response.write(piece)) {
          response.once('drain', more);
          return;
        }
      }
      response.end();
    };
    more();
  });
  const message = await open('/peer/app/');
  const blockedAt = await settled(() => written);
  assert.ok(blockedAt < total / 2, `the app could write ${blockedAt} of ${total} bytes`);
  let read = 0;
  for await (const chunk of message as AsyncIterable<Buffer>) read += chunk.length;
  assert.equal(read, total);
});

test('a slow app blocks the client’s upload', async (t) => {
  const app = handedOver();
  const { open } = await startPlainGateway(t, app.serve);
  const total = 64 * 1024 * 1024;
  let sent = 0;
  const source = new Readable({
    read() {
      if (sent >= total) this.push(null);
      else {
        sent += piece.length;
        this.push(piece);
      }
    },
  });
  const reply = open('/peer/app/', { method: 'POST', body: source });
  const [request, response] = await app.next();
  const blockedAt = await settled(() => sent);
  assert.ok(blockedAt < total / 2, `the client could send ${blockedAt} of ${total} bytes`);
  let received = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) received += chunk.length;
  response.end();
  assert.equal(received, total);
  assert.equal((await reply).statusCode, 200);
});

test('the head and each event reach the client before the response ends', async (t) => {
  const app = handedOver();
  const { open } = await startPlainGateway(t, app.serve);
  const opened = open('/peer/app/events');
  const [, response] = await app.next();
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  response.flushHeaders();
  const message = await opened;
  assert.equal(message.headers['content-type'], 'text/event-stream');
  for (const event of ['data: 1\n\n', 'data: 2\n\n']) {
    response.write(event);
    const [chunk] = (await once(message, 'data')) as [Buffer];
    assert.equal(chunk.toString(), event);
  }
});

test('the head of a streamed upload reaches the app before its body, and both sides may send at once', async (t) => {
  const app = handedOver();
  const { raw } = await startPlainGateway(t, app.serve);
  const socket = raw(`POST /peer/app/ HTTP/1.1\r\nHost: x\r\nX-API-Key: ${key}\r\nTransfer-Encoding: chunked\r\n\r\n`);
  const [request, response] = await app.next();
  response.write('you first');
  await readUntil(socket, 'you first');
  socket.write('2\r\nno\r\n0\r\nX-Sum: 1\r\n\r\n');
  assert.equal(await text(request), 'no');
  assert.deepEqual(request.rawTrailers, ['X-Sum', '1']);
  response.end('!');
  await readUntil(socket, '0\r\n\r\n');
});

test('streams keep their tunnels, and no request waits behind them', async (t) => {
  const streams: ServerResponse[] = [];
  const { open, call, transport } = await startPlainGateway(t, (request, response) => {
    if (request.url === '/stream') {
      response.write('x');
      streams.push(response);
    } else response.end('quick');
  });
  await Promise.all(Array.from({ length: 70 }, () => open('/peer/app/stream')));
  assert.equal((await call('/peer/app/')).text, 'quick');
  assert.equal(transport.tunnels.length, 71);
});

test('never sends a request whose client left while it waited for a tunnel', async (t) => {
  const app = handedOver();
  const pool = { maxIdle: 1, maxActive: 1 };
  const { open, raw, call } = await startPlainGateway(t, app.serve, { pool });
  const first = open('/peer/app/first');
  const [, firstResponse] = await app.next();
  const leaver = raw(get('/leaver'));
  const last = call('/peer/app/last');
  // Once both were read, the last request is queued behind the client that leaves.
  const health = raw('GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n');
  await readUntil(health, 'live');
  leaver.destroy();
  await readUntil(raw('GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n'), 'live');
  firstResponse.end('done');
  assert.equal(await text(await first), 'done');
  const [request, response] = await app.next();
  assert.equal(request.url, '/last');
  response.end();
  assert.equal((await last).status, 200);
});

test('a small response is sent in one write', async (t) => {
  const { port } = await startPlainGateway(t, (_, response) => {
    response.writeHead(200, { 'content-length': 4 });
    response.end('tiny');
  });
  const socket = connect(port, '127.0.0.1');
  t.after(() => socket.destroy());
  socket.write(get('/'));
  const [first] = (await once(socket, 'data')) as [Buffer];
  assert.match(first.toString(), /^HTTP\/1\.1 200 [^]*\r\n\r\ntiny$/);
});
