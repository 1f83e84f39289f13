import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { buffer, text } from 'node:stream/consumers';
import { test, type TestContext } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { responseTo, call, exposeApp, raw, type ExposedApp } from '../../test/helpers/exposed-app.ts';
import { systemClock } from '../kernel/clock.ts';
import { parseTarget } from './app/target.ts';

async function listening(t: TestContext, server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  return (server.address() as AddressInfo).port;
}

/** An app that responds to the first bytes of each connection with `response`. */
async function responding(t: TestContext, response: string): Promise<number> {
  const server = createServer((socket) => {
    socket.on('error', () => undefined).once('data', () => socket.write(response));
    t.after(() => socket.destroy());
  });
  return listening(t, server);
}

test('a browser gets a page instead of the problem, and both repeat the id of the request', async (t) => {
  const port = await responding(t, 'SSH-2.0\r\n');
  const s = await exposeApp(t, () => undefined, { target: parseTarget(`127.0.0.1:${port}`) });
  const page = await call(s, { headers: { accept: 'text/html,*/*;q=0.8', 'x-request-id': 'a-1' } });
  assert.equal(page.statusCode, 502);
  assert.match(page.headers['content-type'] ?? '', /^text\/html/);
  const html = await text(page);
  assert.match(html, /bad_app_response/);
  assert.match(html, /request <code>a-1<\/code>/);
  const problem = await call(s, { headers: { 'x-request-id': 'a-1' } });
  assert.equal((JSON.parse(await text(problem)) as { request_id: string }).request_id, 'a-1');
  const stranger = await call(s, { headers: { 'x-request-id': '<script>' } });
  assert.equal('request_id' in (JSON.parse(await text(stranger)) as object), false);
});

test("errors for the caller contain neither the app's address nor its output", async (t) => {
  const port = await responding(t, 'secret words\r\n\r\n');
  const s = await exposeApp(t, () => undefined, { target: parseTarget(`127.0.0.1:${port}`) });
  const message = await responseTo(s, 'GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
  assert.match(message, /^HTTP\/1\.1 502 Bad Gateway\r\n/);
  assert.doesNotMatch(message, /secret|127\.0\.0\.1/);
  assert.ok(!message.includes(String(port)));
});

interface SilentApp {
  readonly s: ExposedApp;
  /** Resolves when the app has received the request and the part of its body that was sent. */
  readonly arrived: Promise<undefined>;
  /** Resolves when the app's connection is closed. */
  readonly closed: Promise<undefined>;
  /** Advances the clock by the time that an app may take to begin its response. */
  readonly passTime: () => void;
}

/** An app that never responds, behind an `expose` whose clock the test controls. */
async function silentApp(t: TestContext): Promise<SilentApp> {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  let nowMs = 0;
  const arrived = Promise.withResolvers<undefined>();
  const closed = Promise.withResolvers<undefined>();
  const s = await exposeApp(
    t,
    (request) => {
      request.socket.once('close', () => {
        closed.resolve(undefined);
      });
      request.once(request.headers['content-length'] === undefined ? 'end' : 'data', () => {
        arrived.resolve(undefined);
      });
      request.resume();
    },
    { clock: { ...systemClock, monotonicMs: () => nowMs } },
  );
  const passTime = (): void => {
    nowMs = 600_000;
    t.mock.timers.tick(600_000);
  };
  return { s, arrived: arrived.promise, closed: closed.promise, passTime };
}

test('a caller that withholds its body too long loses its tunnel, and the app is not blamed', async (t) => {
  const { s, arrived, closed, passTime } = await silentApp(t);
  const client = raw(s, 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\npart');
  client.resume().on('error', () => undefined);
  await arrived;
  passTime();
  await closed;
  assert.equal(s.bridge.openTunnels, 0);
  assert.deepEqual(s.events, []);
});

test('an app that does not begin its response in time causes a 504 and loses its connection', async (t) => {
  const { s, arrived, closed, passTime } = await silentApp(t);
  const client = raw(s, 'GET /slow?q HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
  const message = buffer(client);
  await arrived;
  passTime();
  assert.match((await message).toString(), /^HTTP\/1\.1 504 [^]*"code":"app_timeout"/);
  await closed;
  assert.deepEqual(s.events, [
    {
      type: 'target_failed',
      method: 'GET',
      path: '/slow',
      outcome: 504,
      failure: 'too_late',
      reason: 'no response within 10 minutes',
    },
  ]);
});

test('a target that does not complete a TLS handshake causes a 502 after 10 seconds', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  let nowMs = 0;
  const clock = { ...systemClock, monotonicMs: () => nowMs };
  const connected = Promise.withResolvers<undefined>();
  // Accepts the connection but never completes a TLS handshake.
  const server = createServer((socket) => {
    socket.on('error', () => undefined).resume();
    connected.resolve(undefined);
  });
  const port = await listening(t, server);
  const s = await exposeApp(t, () => undefined, { clock, target: parseTarget(`https://127.0.0.1:${port}`) });
  const message = responseTo(s, 'GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
  await connected.promise;
  nowMs = 10_000;
  t.mock.timers.tick(10_000);
  assert.match(await message, /Proxy-Status: portal-expose; error=connection_timeout; details="app_unreachable"\r\n/);
});

test('forwards a declined upgrade, whatever the app sends after its response', async (t) => {
  const port = await responding(t, 'HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nnojunk behind it');
  const s = await exposeApp(t, () => undefined, { target: parseTarget(`127.0.0.1:${port}`) });
  const message = await responseTo(s, 'GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n');
  assert.equal(message, 'HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno');
  assert.deepEqual(s.events, [{ type: 'target_excess', method: 'GET', path: '/' }]);
});

test('forwards a response that precedes the end of the upload, and then ends the tunnel', async (t) => {
  const port = await responding(t, 'HTTP/1.1 413 Content Too Large\r\nContent-Length: 2\r\n\r\nno');
  const s = await exposeApp(t, () => undefined, { target: parseTarget(`127.0.0.1:${port}`) });
  const client = raw(s, 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\nsome of it');
  assert.match((await buffer(client)).toString(), /^HTTP\/1\.1 413 [^]*\r\n\r\nno$/);
});

test('a malformed chunk in a streamed body aborts the request in the app', async (t) => {
  const ended = Promise.withResolvers<boolean>();
  const s = await exposeApp(t, (request) => {
    request.on('error', () => undefined).resume();
    request.once('close', () => {
      ended.resolve(request.complete);
    });
  });
  const client = raw(s, 'POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n');
  while ((await connectionsOf(s.server)) === 0) await setTimeout(1);
  client.write('nonsense\r\n');
  assert.match((await buffer(client)).toString(), /^HTTP\/1\.1 400 [^]*"code":"invalid_request"/);
  assert.equal(await ended.promise, false);
});

test('an HTTP/1.0 caller gets neither chunks nor interim responses', async (t) => {
  const s = await exposeApp(t, (_request, response) => {
    response.writeEarlyHints({ link: '</a>' });
    response.write('hel');
    response.end('lo');
  });
  const message = await responseTo(s, 'GET / HTTP/1.0\r\n\r\n');
  assert.match(message, /^HTTP\/1\.1 200 OK\r\n/);
  assert.doesNotMatch(message, /Transfer-Encoding/);
  assert.match(message, /\r\nConnection: close\r\n\r\nhello$/);
});

test('OPTIONS * reaches the app', async (t) => {
  const s = await exposeApp(t, (request, response) => response.end(request.url));
  assert.match(await responseTo(s, 'OPTIONS * HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'), /\*$/);
});

test('keeps the spelling and position of Content-Length', async (t) => {
  let fields: string[] = [];
  const s = await exposeApp(t, (request, response) => {
    fields = request.rawHeaders;
    response.end();
  });
  await responseTo(s, 'POST / HTTP/1.1\r\nHost: x\r\ncOntent-Length: 1\r\nA: b\r\nConnection: close\r\n\r\nx');
  assert.deepEqual(fields.slice(2, 6), ['cOntent-Length', '1', 'A', 'b']);
});

function connectionsOf(server: {
  getConnections(done: (error: Error | null, count: number) => void): void;
}): Promise<number> {
  return new Promise((resolve) => {
    server.getConnections((_error, count) => {
      resolve(count);
    });
  });
}
