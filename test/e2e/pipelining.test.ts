import assert from 'node:assert/strict';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { buffer, text } from 'node:stream/consumers';
import { test } from 'node:test';
import { key, readUntil, startPlainGateway } from '../helpers/plain-gateway.ts';
import { closed, handedOver, over, settled } from '../helpers/scripted-app.ts';

const host = `Host: x\r\nX-API-Key: ${key}\r\n`;
const get = (path: string, more = ''): string => `GET /peer/app${path} HTTP/1.1\r\n${host}${more}\r\n`;

test('a pipelined request waits until the previous one has its response', async (t) => {
  const app = handedOver();
  const { raw } = await startPlainGateway(t, app.serve);
  const socket = raw(`POST /peer/app/1 HTTP/1.1\r\n${host}Content-Length: 1\r\n\r\na${get('/2')}${get('/3')}`);
  for (const path of ['/1', '/2', '/3']) {
    const [request, response] = await app.next();
    assert.equal(request.url, path);
    response.end(`answer ${path}`);
    await readUntil(socket, `answer ${path}`);
  }
});

test('rejects unparsable bytes after the responses that are due', async (t) => {
  const app = handedOver();
  const { raw } = await startPlainGateway(t, app.serve);
  const cases = ['BROKEN\r\n\r\n', get('/', 'Host: y\r\n'), get('/', 'A : b\r\n'), 'GET / HTTP/1.1\r\nHost: x\n\n'];
  for (const broken of cases) {
    const socket = raw(get('/1') + broken + get('/never'));
    const [, response] = await app.next();
    await settled(() => socket.bytesRead);
    assert.equal(socket.bytesRead, 0, 'the first request does not get the fault of the second');
    response.end('first');
    const responses = (await buffer(socket)).toString();
    assert.match(responses, /^HTTP\/1\.1 200 [^]*first[^]*HTTP\/1\.1 400 [^]*"invalid_request"/);
    assert.equal(responses.split(/HTTP\/1\.1 \d/).length, 3);
  }
});

test('rejects a malformed body after the responses that are due', async (t) => {
  const app = handedOver();
  const { raw } = await startPlainGateway(t, app.serve);
  const socket = raw(`${get('/1')}POST /peer/app/2 HTTP/1.1\r\n${host}Transfer-Encoding: chunked\r\n\r\nnonsense\r\n`);
  const [, response] = await app.next();
  response.end('first');
  assert.match((await buffer(socket)).toString(), /^HTTP\/1\.1 200 [^]*first[^]*HTTP\/1\.1 400 [^]*"invalid_request"/);
});

test('treats a pipelined upgrade as a plain request', async (t) => {
  const { raw, app } = await startPlainGateway(t, (request, response) => response.end(`plain ${request.url ?? ''}`));
  app.on('upgrade', (_: IncomingMessage, socket: Socket) => socket.destroy());
  const socket = raw(get('/1') + get('/2', 'Connection: upgrade, close\r\nUpgrade: x\r\n'));
  assert.match((await buffer(socket)).toString(), /plain \/1[^]*plain \/2/);
});

test('HTTP/1.0 does not support upgrades', async (t) => {
  const { raw, app } = await startPlainGateway(t, (_, response) => response.end('plain'));
  app.on('upgrade', (_: IncomingMessage, socket: Socket) => socket.destroy());
  const socket = raw(`GET /peer/app/ HTTP/1.0\r\n${host}Connection: upgrade\r\nUpgrade: x\r\n\r\n`);
  assert.match((await buffer(socket)).toString(), /^HTTP\/1\.1 200 [^]*plain$/);
});

test('a pipelined CONNECT ends the connection and responses that are due', async (t) => {
  const app = handedOver();
  const { raw } = await startPlainGateway(t, app.serve);
  const connect = `CONNECT a:1 HTTP/1.1\r\n${host}\r\n`;
  await over(raw(get('/1') + connect));
  const socket = raw(get('/2'));
  const [request] = await app.next();
  const left = closed(request);
  socket.write(connect);
  await Promise.all([over(socket), left]);
});

test('ignores requests after Connection: close', async (t) => {
  const app = handedOver();
  const { raw } = await startPlainGateway(t, app.serve);
  const socket = raw(get('/1', 'Connection: close\r\n') + get('/2'));
  const [, response] = await app.next();
  response.end('first');
  const responses = (await buffer(socket)).toString();
  assert.match(responses, /^HTTP\/1\.1 200 [^]*first/);
  assert.equal(responses.split(/HTTP\/1\.1 \d/).length, 2);
});

test('limits a pipelined body like any other, and reads it in its turn', async (t) => {
  const app = handedOver();
  const { raw } = await startPlainGateway(t, app.serve, {
    policy: { limits: { maxBodyBytes: 10, bodyTimeoutMs: 60 } },
  });
  const chunked = (body: string): string =>
    `POST /peer/app/2 HTTP/1.1\r\n${host}Transfer-Encoding: chunked\r\n\r\n${body}\r\n0\r\n\r\n`;
  const large = raw(get('/1') + chunked('b\r\nhello world'));
  const [, first] = await app.next();
  first.end();
  assert.match((await buffer(large)).toString(), /^HTTP\/1\.1 200 [^]*HTTP\/1\.1 413 [^]*"body_too_large"/);

  const small = raw(get('/1') + chunked('5\r\nhello'));
  const [, before] = await app.next();
  before.end();
  const [request, response] = await app.next();
  assert.equal(await text(request), 'hello');
  await new Promise((resolve) => setTimeout(resolve, 150));
  response.end('after a while');
  await readUntil(small, 'after a while');
  small.write(get('/3'));
  const [, last] = await app.next();
  last.end('still there');
  await readUntil(small, 'still there');
});

/** The bodies of `count` responses, in order of arrival; fails if one is not `200`. */
async function bodies(socket: Socket, count: number): Promise<string[]> {
  let received = '';
  const found: string[] = [];
  for await (const chunk of socket.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    received += chunk.toString('latin1');
    for (;;) {
      const head = /^HTTP\/1\.1 200 OK\r\n[^]*?Content-Length: (\d+)\r\n[^]*?\r\n\r\n/i.exec(received);
      if (head === null) break;
      const end = head[0].length + Number(head[1]);
      if (received.length < end) break;
      found.push(received.slice(head[0].length, end));
      received = received.slice(end);
    }
    if (found.length >= count) break;
    if (!/^(?:$|HTTP\/1\.1 200)/.test(received.slice(0, 12))) assert.fail(received.slice(0, 200));
  }
  return found;
}

/** Responds with the request line and the body. */
const repeat = (request: IncomingMessage, response: ServerResponse): void => {
  void text(request).then((body) => {
    const reply = `${request.url ?? ''} ${body}`;
    response.writeHead(200, { 'content-length': reply.length }).end(reply);
  });
};

/** Alternates between GET, a body with a length and a chunked body. */
function pipelined(i: number, padding = ''): string {
  const pad = padding === '' ? '' : `X-Padding: ${padding}\r\n`;
  if (i % 3 === 0) return get(`/${i}`, pad);
  const framing = i % 3 === 1 ? 'Content-Length: 4' : 'Transfer-Encoding: chunked';
  const body = i % 3 === 1 ? 'body' : '4\r\nbody\r\n0\r\n\r\n';
  return `POST /peer/app/${i} HTTP/1.1\r\n${host}${pad}${framing}\r\n\r\n${body}`;
}

const responded = (count: number): string[] =>
  Array.from({ length: count }, (_, i) => `/${i} ${i % 3 === 0 ? '' : 'body'}`);

test('responds to any number of requests in one write, in order', async (t) => {
  const { raw } = await startPlainGateway(t, repeat);
  for (const count of [64, 65, 66, 70, 1_000]) {
    const socket = raw(Array.from({ length: count }, (_, i) => pipelined(i)).join(''));
    assert.deepEqual(await bodies(socket, count), responded(count), `${count}`);
    socket.write(pipelined(0));
    assert.deepEqual(await bodies(socket, 1), responded(1), `after ${count}`);
    socket.destroy();
  }
});

test('a client that pipelines without end has to wait and loses nothing', async (t) => {
  const held = Promise.withResolvers<undefined>();
  const before = 150;
  const reached = Promise.withResolvers<undefined>();
  const { raw } = await startPlainGateway(t, (request, response) => {
    if (request.url !== `/${before}`) repeat(request, response);
    else {
      reached.resolve(undefined);
      void held.promise.then(() => {
        repeat(request, response);
      });
    }
  });
  // More than the buffers of both sockets hold.
  const count = 2_000;
  const padding = 'a'.repeat(14 * 1024);
  const requests = Array.from({ length: count }, (_, i) => pipelined(i, padding));
  const socket = raw(requests.join(''));
  const done = bodies(socket, count);
  await reached.promise;
  await settled(() => socket.bytesWritten - socket.writableLength);
  assert.ok(socket.writableLength > 0, 'the gateway read everything');
  held.resolve(undefined);
  assert.deepEqual(await done, responded(count));
});

test('a head that is not read while others wait does not time out, but does afterwards', async (t) => {
  const app = handedOver();
  const { raw } = await startPlainGateway(t, app.serve, { policy: { limits: { readHeaderTimeoutMs: 1_000 } } });
  const count = 70;
  for (const comes of [true, false]) {
    const more = get(`/${count}`);
    const socket = raw(Array.from({ length: count }, (_, i) => get(`/${i}`)).join('') + more.slice(0, 20));
    const [, first] = await app.next();
    // Node checks for late heads twice a second.
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    const responses = bodies(socket, count);
    first.end('a');
    for (let i = 1; i < count; i += 1) (await app.next())[1].end('a');
    assert.equal((await responses).length, count);
    if (comes) {
      socket.write(more.slice(20));
      (await app.next())[1].end('last');
      await readUntil(socket, 'last');
    } else assert.match((await buffer(socket)).toString(), /^HTTP\/1\.1 408 /);
    socket.destroy();
  }
});
