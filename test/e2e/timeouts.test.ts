import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { ask } from '../helpers/echo-app.ts';
import { key, readUntil, startPlainGateway } from '../helpers/plain-gateway.ts';
import { closed, handedOver, over } from '../helpers/scripted-app.ts';

const line = (path: string): string => `GET /peer/app${path} HTTP/1.1`;

test('a request that exceeds its total time is 504, not early, and is aborted in the app', async (t) => {
  const app = handedOver();
  // Long enough that the app gets the request in time even on a busy machine.
  const gateway = await startPlainGateway(t, app.serve, { timeouts: { totalMs: 500 } });
  const startMs = performance.now();
  const response = ask(gateway, line('/'), 'Host: x');
  const [request] = await app.next();
  const felt = closed(request);
  const { status, code } = await response;
  assert.deepEqual([status, code], [504, 'total_timeout']);
  assert.ok(performance.now() - startMs >= 500);
  await felt;
});

test('cuts a response with a length that is incomplete by then', async (t) => {
  const app = handedOver();
  const { open } = await startPlainGateway(t, app.serve, { timeouts: { totalMs: 500 } });
  const opened = open('/peer/app/');
  const [, response] = await app.next();
  response.writeHead(200, { 'content-length': 100 }).write('part');
  const message = await opened;
  message.resume();
  await once(message, 'error');
});

test('does not limit a stream', async (t) => {
  const app = handedOver();
  const { open } = await startPlainGateway(t, app.serve, { timeouts: { totalMs: 60 } });
  const opened = open('/peer/app/');
  const [, response] = await app.next();
  response.writeHead(200, { 'content-type': 'text/event-stream' }).write('data: 1\n\n');
  const message = await opened;
  const timer = setTimeout(() => response.end('data: 2\n\n'), 120);
  t.after(() => {
    clearTimeout(timer);
  });
  assert.match(await readUntil(message, '2\n\n'), /1\n\ndata: 2/);
});

test('includes time in the queue', async (t) => {
  const app = handedOver();
  const policy = { limits: { maxInFlight: 1, queue: 1 } };
  const gateway = await startPlainGateway(t, app.serve, { policy, timeouts: { totalMs: 200 } });
  const first = ask(gateway, line('/'), 'Host: x');
  await app.next();
  const second = ask(gateway, line('/'), 'Host: x');
  await readUntil(gateway.raw('GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n'), 'live');
  const waitingMs = performance.now();
  assert.equal((await first).code, 'total_timeout');
  assert.equal((await second).code, 'total_timeout');
  assert.ok(performance.now() - waitingMs < 390, 'not twice as long');
});

test('leases and paths have separate timeouts', async (t) => {
  const app = handedOver();
  const gateway = await startPlainGateway(t, app.serve, {
    timeouts: {
      responseHeadersMs: 50,
      overrides: [
        { lease: 'other', path: '/*', responseHeadersMs: 1 },
        { lease: 'a*', path: '/slow/*', responseHeadersMs: 5_000, bodyIdleMs: 50 },
      ],
    },
  });
  assert.equal((await ask(gateway, line('/quick'), 'Host: x')).code, 'headers_timeout');
  await app.next();
  const socket = gateway.raw(`${line('/slow/x')}\r\nHost: x\r\nX-API-Key: ${key}\r\n\r\n`);
  const [, response] = await app.next();
  setTimeout(() => response.write('late'), 100);
  assert.match(await readUntil(socket, 'late'), /^HTTP\/1\.1 200 /);
  await over(socket);
});
