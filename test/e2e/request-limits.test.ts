import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { test } from 'node:test';
import { auth, key, readUntil, startPlainGateway } from '../helpers/plain-gateway.ts';
import { handedOver, over } from '../helpers/scripted-app.ts';

const host = `Host: x\r\nX-API-Key: ${key}\r\n`;
const post = `POST /peer/app/ HTTP/1.1\r\n${host}`;

test('rejects a body by its announced length before reading it', async (t) => {
  const { raw, transport } = await startPlainGateway(t, (_, response) => response.end(), {
    policy: { limits: { maxBodyBytes: 10 } },
  });
  const refused = (await buffer(raw(`${post}Content-Length: 11\r\n\r\n`))).toString();
  assert.match(refused, /^HTTP\/1\.1 413 [^]*Connection: close\r\n[^]*"code":"body_too_large"/);
  const asked = (await buffer(raw(`${post}Expect: 100-continue\r\nContent-Length: 11\r\n\r\n`))).toString();
  assert.match(asked, /^HTTP\/1\.1 413 /, 'the client gets no 100 (Continue)');
  assert.equal(transport.tunnels.length, 0);
  const taken = await readUntil(raw(`${post}Content-Length: 10\r\n\r\n0123456789`), '\r\n\r\n');
  assert.match(taken, /^HTTP\/1\.1 200 /);
});

test('cuts off a body that becomes too large, also for the app', async (t) => {
  const app = handedOver();
  const { raw, transport } = await startPlainGateway(t, app.serve, { policy: { limits: { maxBodyBytes: 10 } } });
  const socket = raw(`${post}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n`);
  const [request] = await app.next();
  await once(request, 'data');
  const aborted = assert.rejects(once(request, 'end'), { code: 'ECONNRESET' });
  socket.write('6\r\n world\r\n');
  const reply = (await buffer(socket)).toString();
  assert.match(reply, /^HTTP\/1\.1 413 [^]*Connection: close\r\n[^]*"code":"body_too_large"/);
  await aborted;
  assert.equal(transport.tunnels[0]?.destroyed, true);
});

test('a body that becomes too large after the head of the response cuts the response', async (t) => {
  const app = handedOver();
  const { raw } = await startPlainGateway(t, app.serve, { policy: { limits: { maxBodyBytes: 10 } } });
  const socket = raw(`${post}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n`);
  const [, response] = await app.next();
  response.write('begun');
  await readUntil(socket, 'begun');
  socket.write('6\r\n world\r\n');
  const rest = (await buffer(socket)).toString();
  assert.ok(!rest.includes('0\r\n\r\n') && !rest.includes('HTTP/1.1'), rest);
});

test('a client that is still sending can read why it was rejected', async (t) => {
  const { open } = await startPlainGateway(t, (_, response) => response.end(), {
    policy: { limits: { maxBodyBytes: 1000 } },
  });
  const piece = Buffer.alloc(65_536);
  let sent = 0;
  const body = new Readable({
    read() {
      sent += piece.length;
      this.push(sent > 32 * 1024 * 1024 ? null : piece);
    },
  });
  const message = await open('/peer/app/', { method: 'POST', body });
  assert.equal(message.statusCode, 413);
  assert.match((await buffer(message)).toString(), /body_too_large/);
});

test('a pause within a body is 408 before the response, and allowed after it has begun', async (t) => {
  const app = handedOver();
  const { raw } = await startPlainGateway(t, app.serve, { policy: { limits: { bodyTimeoutMs: 60 } } });
  const slow = raw(`${post}Content-Length: 10\r\n\r\n1`);
  const startMs = performance.now();
  const [request] = await app.next();
  const aborted = assert.rejects(once(request.resume(), 'end'), { code: 'ECONNRESET' });
  const reply = (await buffer(slow)).toString();
  assert.match(reply, /^HTTP\/1\.1 408 [^]*Connection: close\r\n[^]*"code":"request_timeout"/);
  assert.ok(performance.now() - startMs >= 60);
  await aborted;

  const talking = raw(`${post}Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n`);
  const [, response] = await app.next();
  response.write('begun');
  await readUntil(talking, 'begun');
  await new Promise((resolve) => setTimeout(resolve, 150));
  response.end('ended');
  await readUntil(talking, 'ended');
});

test('each piece of a body restarts the timeout', async (t) => {
  const { raw } = await startPlainGateway(
    t,
    (request: IncomingMessage, response) => {
      request.on('end', () => response.end('whole')).resume();
    },
    { policy: { limits: { bodyTimeoutMs: 200 } } },
  );
  const socket = raw(`${post}Content-Length: 10\r\n\r\n`);
  for (let i = 0; i < 10; i += 1) {
    socket.write(String(i));
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  await readUntil(socket, 'whole');
});

test('an app that does not read causes no client timeout', async (t) => {
  const app = handedOver();
  const { open } = await startPlainGateway(t, app.serve, { policy: { limits: { bodyTimeoutMs: 100 } } });
  const piece = Buffer.alloc(65_536);
  let left = 256;
  const body = new Readable({
    read() {
      left -= 1;
      this.push(left < 0 ? null : piece);
    },
  });
  const reply = open('/peer/app/', { method: 'POST', body });
  const [request, response] = await app.next();
  await new Promise((resolve) => setTimeout(resolve, 400));
  request.on('end', () => response.end()).resume();
  assert.equal((await reply).statusCode, 200);
});

test('a client that waits for 100 does not time out while the app decides', async (t) => {
  const { raw, app } = await startPlainGateway(t, () => undefined, { policy: { limits: { bodyTimeoutMs: 60 } } });
  app.on('checkContinue', (request: IncomingMessage, response) => {
    setTimeout(() => {
      response.writeContinue();
      request.on('end', () => response.end('whole')).resume();
    }, 200);
  });
  const socket = raw(`${post}Expect: 100-continue\r\nContent-Length: 5\r\n\r\n`);
  await readUntil(socket, '100 Continue\r\n\r\n');
  socket.write('hello');
  await readUntil(socket, 'whole');
  const late = raw(`${post}Expect: 100-continue\r\nContent-Length: 5\r\n\r\n`);
  assert.match(
    (await buffer(late)).toString(),
    /^HTTP\/1\.1 100 [^]*HTTP\/1\.1 408 /,
    'the client gets a 100 (Continue)',
  );
});

test('the rest of a body after an early response has a timeout, too', async (t) => {
  const app = handedOver();
  const { raw } = await startPlainGateway(t, app.serve, { policy: { limits: { bodyTimeoutMs: 60 } } });
  const socket = raw(`${post}Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n`);
  const [, response] = await app.next();
  response.end('early');
  await readUntil(socket, 'early');
  await over(socket);
});

test('an incomplete head is 408, and an unused connection is closed silently', async (t) => {
  const { raw } = await startPlainGateway(t, () => undefined, { policy: { limits: { readHeaderTimeoutMs: 100 } } });
  const [slow, silent] = await Promise.all([buffer(raw('GET / HTTP/1.1\r\nHost: x\r\n')), buffer(raw(''))]);
  assert.match(slow.toString(), /^HTTP\/1\.1 408 [^]*Connection: close\r\n[^]*"code":"request_timeout"/);
  assert.equal(silent.toString(), '');
});

test('closes an idle connection after its timeout', async (t) => {
  const { raw } = await startPlainGateway(t, () => undefined, { policy: { limits: { idleTimeoutMs: 100 } } });
  const socket = raw('GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n');
  await readUntil(socket, 'live');
  const startMs = performance.now();
  await over(socket);
  assert.ok(performance.now() - startMs < 1_000);
});

test('new limits apply to requests that begin afterwards', async (t) => {
  const { testPolicy } = await import('../helpers/policy.ts');
  const { gateway, call } = await startPlainGateway(t, (_, response) => response.end());
  const send = async (): Promise<number> =>
    (await call('/peer/app/', { method: 'POST', headers: [...auth, 'Content-Length', '3'], body: 'abc' })).status;
  assert.equal(await send(), 200);
  await gateway.apply(testPolicy({ limits: { maxBodyBytes: 2 } }));
  assert.equal(await send(), 413);
});

async function ended(socket: Socket): Promise<string> {
  return (await buffer(socket)).toString();
}

test('a gateway response keeps the connection if the rest of the request is short', async (t) => {
  const { raw } = await startPlainGateway(t, () => undefined);
  const small = raw('POST /nowhere HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\n');
  await readUntil(small, 'not_found');
  small.write('abcGET /health/live HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
  assert.match(await ended(small), /HTTP\/1\.1 200 [^]*"live"/);
  const large = raw('POST /nowhere HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n');
  assert.match(await ended(large), /^HTTP\/1\.1 404 [^]*Connection: close\r\n/);
  const endless = raw('POST /nowhere HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n');
  assert.match(await ended(endless), /^HTTP\/1\.1 404 [^]*Connection: close\r\n/);
});
