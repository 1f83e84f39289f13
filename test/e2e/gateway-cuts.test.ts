import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { buffer, text } from 'node:stream/consumers';
import { test, type TestContext } from 'node:test';
import { auth, key, readUntil, startPlainGateway } from '../helpers/plain-gateway.ts';
import { closed, handedOver, rawApp } from '../helpers/scripted-app.ts';

const get = (path: string): string => `GET /peer/app${path} HTTP/1.1\r\nHost: x\r\nX-API-Key: ${key}\r\n\r\n`;

test('the app notices at once that a client left within a stream', async (t) => {
  const app = handedOver();
  const { open, transport } = await startPlainGateway(t, app.serve);
  const opened = open('/peer/app/');
  const [request, response] = await app.next();
  response.write('first');
  const message = await opened;
  const left = closed(request);
  const leftMs = performance.now();
  message.destroy();
  await left;
  assert.ok(performance.now() - leftMs < 100);
  assert.equal(transport.tunnels[0]?.destroyed, true);
});

test('the app notices at once that a client left before the response', async (t) => {
  const app = handedOver();
  const { raw } = await startPlainGateway(t, app.serve);
  const socket = raw(get('/'));
  const [request] = await app.next();
  socket.destroy();
  await closed(request);
});

test('the app notices that a client left within its upload, and never sees a complete body', async (t) => {
  const app = handedOver();
  const { raw } = await startPlainGateway(t, app.serve);
  const socket = raw(`POST /peer/app/ HTTP/1.1\r\nHost: x\r\nX-API-Key: ${key}\r\nContent-Length: 100\r\n\r\nhalf`);
  const [request] = await app.next();
  await once(request, 'data');
  socket.destroy();
  await assert.rejects(once(request, 'end'), { code: 'ECONNRESET' });
  assert.equal(request.complete, false);
});

async function cutResponse(
  t: TestContext,
  head: Record<string, string | number>,
): Promise<{ error: unknown; body: string }> {
  const app = handedOver();
  const { open } = await startPlainGateway(t, app.serve);
  const opened = open('/peer/app/');
  const [, response] = await app.next();
  response.writeHead(200, head);
  response.write('part');
  const message = await opened;
  let body = '';
  message.on('data', (chunk: Buffer) => {
    body += chunk.toString();
    response.socket?.destroy();
  });
  const [error] = (await once(message, 'error')) as [unknown];
  return { error, body };
}

test('a response with a length that the app cuts is cut for the client', async (t) => {
  const { error, body } = await cutResponse(t, { 'content-length': 100 });
  assert.equal((error as NodeJS.ErrnoException).code, 'ECONNRESET');
  assert.equal(body, 'part');
});

test('a chunked response that the app cuts is cut for the client', async (t) => {
  const { error, body } = await cutResponse(t, {});
  assert.equal((error as NodeJS.ErrnoException).code, 'ECONNRESET');
  assert.equal(body, 'part');
});

test('a body delimited by the app’s connection never looks complete by other means', async (t) => {
  const { raw, transport } = await startPlainGateway(t, () => undefined);
  const port = await rawApp(t, (socket) => socket.end('HTTP/1.1 200 OK\r\nX-A: b\r\n\r\nperhaps all'));
  transport.publish({ name: 'closer', port });
  const response = (await buffer(raw(get('/').replace('/app/', '/closer/')))).toString();
  assert.match(response, /\r\nX-A: b\r\n[^]*Connection: close\r\n\r\nperhaps all$/);
  assert.doesNotMatch(response, /transfer-encoding/i);
});

test('a non-HTTP response is 502 bad_upstream_response', async (t) => {
  const { call, transport } = await startPlainGateway(t, () => undefined);
  transport.publish({ name: 'ssh', port: await rawApp(t, (socket) => socket.write('SSH-2.0-OpenSSH_9.9\r\n')) });
  const { status, text: body } = await call('/peer/ssh/');
  assert.deepEqual([status, (JSON.parse(body) as { code: string }).code], [502, 'bad_upstream_response']);
});

test('a tunnel that ends before the response is 502 tunnel_failed', async (t) => {
  const { call } = await startPlainGateway(t, (request) => request.socket.destroy());
  const { status, text: body } = await call('/peer/app/');
  assert.deepEqual([status, (JSON.parse(body) as { code: string }).code], [502, 'tunnel_failed']);
});

/**
 * Responds to the first request on each connection and closes it on the second: the race of a stale
 * tunnel.
 */
function staleAfterOne(seen: string[]): (socket: Socket, received: string) => void {
  const used = new WeakSet<Socket>();
  return (socket, received) => {
    seen.push(received.slice(0, received.indexOf(' HTTP')));
    if (used.has(socket)) socket.destroy();
    else {
      used.add(socket);
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
    }
  };
}

test('repeats an idempotent request on a stale tunnel once, on a new tunnel', async (t) => {
  const { call, transport } = await startPlainGateway(t, () => undefined);
  const seen: string[] = [];
  transport.publish({ name: 'stale', port: await rawApp(t, staleAfterOne(seen)) });
  assert.equal((await call('/peer/stale/1')).text, 'ok');
  assert.equal((await call('/peer/stale/2')).text, 'ok');
  assert.deepEqual(seen, ['GET /1', 'GET /2', 'GET /2']);
});

test('does not repeat a POST on a stale tunnel', async (t) => {
  const { call, transport } = await startPlainGateway(t, () => undefined);
  const seen: string[] = [];
  transport.publish({ name: 'stale', port: await rawApp(t, staleAfterOne(seen)) });
  await call('/peer/stale/1');
  const { status } = await call('/peer/stale/2', { method: 'POST', headers: [...auth, 'Content-Length', '0'] });
  assert.equal(status, 502);
  assert.deepEqual(seen, ['GET /1', 'POST /2']);
});

test('an app that does not begin its response in time is 504, and its request is aborted', async (t) => {
  const app = handedOver();
  const { call } = await startPlainGateway(t, app.serve, { timeouts: { responseHeadersMs: 60 } });
  const startMs = performance.now();
  const response = call('/peer/app/');
  const [request] = await app.next();
  const felt = closed(request);
  const { status, text: body } = await response;
  assert.deepEqual([status, (JSON.parse(body) as { code: string }).code], [504, 'headers_timeout']);
  assert.ok(performance.now() - startMs >= 60);
  await felt;
});

test('the time limit for a response begins after the upload', async (t) => {
  const { raw } = await startPlainGateway(
    t,
    (request, response) => {
      text(request).then(
        (body) => response.end(body),
        () => response.destroy(),
      );
    },
    { timeouts: { responseHeadersMs: 150 } },
  );
  const socket = raw(`POST /peer/app/ HTTP/1.1\r\nHost: x\r\nX-API-Key: ${key}\r\nContent-Length: 10\r\n\r\n`);
  for (let i = 0; i < 10; i += 1) {
    socket.write(String(i));
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  assert.match(await readUntil(socket, '0123456789'), /^HTTP\/1\.1 200 /);
});

test('a stalled upload is 408, and a stalled response is cut', async (t) => {
  const app = handedOver();
  const { raw, open } = await startPlainGateway(t, app.serve, { timeouts: { bodyIdleMs: 60 } });
  const socket = raw(`POST /peer/app/ HTTP/1.1\r\nHost: x\r\nX-API-Key: ${key}\r\nContent-Length: 10\r\n\r\n1`);
  await app.next();
  assert.match(await readUntil(socket, '}'), /"code":"request_timeout"/);
  const opened = open('/peer/app/');
  const [, response] = await app.next();
  response.write('x');
  const message = await opened;
  message.resume();
  await once(message, 'error');
});
