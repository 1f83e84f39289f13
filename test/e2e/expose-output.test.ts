// What `expose` prints while it serves requests: on a terminal, in pipes and as JSON, and while
// nobody reads it.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, request as httpRequest, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { test, type TestContext } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { connect, createCredential, type Session } from '../../src/portal/index.ts';
import { createRelay } from '../../src/relay/relay.ts';
import { startCli, temporaryDirectory } from '../helpers/cli.ts';
import { freePort } from '../helpers/free-port.ts';
import { noTerminal, startInTerminal } from '../helpers/pty.ts';

interface Bench {
  readonly args: readonly string[];
  readonly environment: Record<string, string>;
  readonly port: number;
  startApp(): Promise<Server>;
  /** Requests to the lease, one after the other. Returns their statuses. */
  get(leaseId: string, paths: readonly string[]): Promise<number[]>;
}

async function bench(t: TestContext): Promise<Bench> {
  const relay = createRelay({ port: 0, identity: createCredential() });
  t.after(() => relay.close());
  const { url } = await relay.listen();
  const port = await freePort();
  let session: Promise<Session> | undefined;
  t.after(async () => (await session)?.close());
  return {
    args: ['expose', String(port), '--name', 'my-app', '--relay', url],
    environment: { XDG_STATE_HOME: await temporaryDirectory(t), TZ: 'UTC' },
    port,
    startApp: async () => {
      const server = createServer((_request, response) => response.end('hello')).listen(port, '127.0.0.1');
      t.after(() => {
        server.closeAllConnections();
        server.close();
      });
      await once(server, 'listening');
      return server;
    },
    get: async (leaseId, paths) => {
      session ??= connect(url, { credential: createCredential() });
      const tunnel = await (await session).dial(leaseId, { alpn: 'http/1.1', signal: AbortSignal.timeout(10_000) });
      const statuses: number[] = [];
      for (const path of paths) {
        const headers = { host: 'x', connection: 'keep-alive' };
        const request = httpRequest({ createConnection: () => tunnel, path, headers }).end();
        const [response] = (await once(request, 'response')) as [IncomingMessage];
        statuses.push(response.statusCode ?? 0);
        await text(response);
      }
      tunnel.destroy();
      return statuses;
    },
  };
}

/** As long as a path in a line may be, so that few lines fill every buffer. */
function longPaths(count: number): string[] {
  return Array.from({ length: count }, (_, i) => `/${i}/${'x'.repeat(190)}`);
}

const time = String.raw`\d\d:\d\d:\d\d\.\d{3}`;

test('an expose that ends before a relay has taken its lease does not promise to serve requests', async (t) => {
  const state = await temporaryDirectory(t);
  const relay = `ws://127.0.0.1:${await freePort()}/relay`;
  const expose = startCli(t, ['expose', '1', '--name', 'app', '--relay', relay], { XDG_STATE_HOME: state });
  await expose.note(/^Not connected: /m);
  expose.child.kill('SIGTERM');
  assert.equal(await expose.exited, 0);
  assert.match(expose.stderr(), /^Stopping\. The app was not published\.$/m);
  assert.doesNotMatch(expose.stderr(), /Requests are served/);
});

test(
  'a terminal shows where the app is, each request, and the loss and return of the app',
  { skip: noTerminal },
  async (t) => {
    const b = await bench(t);
    const expose = startInTerminal(t, b.args, b.environment);
    const origin = `http://localhost:${b.port}`;
    await expose.until(new RegExp(`^Nothing listens on ${origin} yet; requests get 502 until something does\\.`, 'm'));
    const [, leaseId = ''] = await expose.until(
      /^Its lease is ([A-Z2-7]{26})\. Gateways on this relay serve it at \/peer\/my-app\/ and \/peer\/\1\/\r$/m,
    );
    const app = await b.startApp();
    await expose.until(new RegExp(`^${origin} accepts connections now\\.\r$`, 'm'));
    assert.deepEqual(await b.get(leaseId, ['/a?token=secret']), [200]);
    await expose.until(new RegExp(`^${time} GET /a 200 \\d+(?:\\.\\d)? ms 5 B\r$`, 'm'));
    app.closeAllConnections();
    app.close();
    assert.deepEqual(await b.get(leaseId, ['/b']), [502]);
    await expose.until(new RegExp(`^502 GET /b: ${origin} does not respond \\(ECONNREFUSED\\)\\.\r$`, 'm'));
    await expose.until(new RegExp(`^Nothing listens on ${origin} any more; `, 'm'));
    await b.startApp();
    await expose.until(/accepts connections now[^]*accepts connections now/);
    expose.act('interrupt');
    assert.equal(await expose.exited, 0);
    // The line for scripts is for pipes.
    assert.doesNotMatch(expose.shown(), /^my-app /m);
    assert.doesNotMatch(expose.shown(), /secret/);
  },
);

for (const format of ['text', 'json'] as const) {
  test(`a stopped terminal holds no request and not the exit (${format})`, { skip: noTerminal }, async (t) => {
    const b = await bench(t);
    await b.startApp();
    const expose = startInTerminal(t, [...b.args, ...(format === 'json' ? ['--json'] : [])], b.environment);
    const [leaseId = ''] = await expose.until(/\b[A-Z2-7]{26}\b/);
    expose.act('stop');
    await setTimeout(500);
    // Text has a burst of 200 lines, 40 kB; a terminal holds less than 20.
    const statuses = await b.get(leaseId, longPaths(500));
    assert.deepEqual([...new Set(statuses)], [200]);
    expose.act('go');
    await expose.until(format === 'json' ? /"path":"\/499\// : / more requests/);
    expose.act('stop');
    await b.get(leaseId, longPaths(200));
    expose.act('interrupt');
    assert.equal(await expose.exited, 0);
  });
}

test('in pipes, requests are lines on stderr, and stdout has the result alone', async (t) => {
  const b = await bench(t);
  await b.startApp();
  const expose = startCli(t, b.args, b.environment);
  const [, leaseId = ''] = await expose.line(/^my-app ([A-Z2-7]{26}) ws:\S+$/m);
  await b.get(leaseId, ['/a?b=c']);
  await expose.note(new RegExp(`^${time} GET /a 200 \\d+(?:\\.\\d)? ms 5 B$`, 'm'));
  expose.child.kill('SIGINT');
  assert.equal(await expose.exited, 0);
  assert.equal(expose.stdout().trim().split('\n').length, 1);
});

test('--quiet prints the result and warnings only', async (t) => {
  const b = await bench(t);
  const app = await b.startApp();
  const expose = startCli(t, [...b.args, '--quiet'], b.environment);
  const [, leaseId = ''] = await expose.line(/^my-app ([A-Z2-7]{26}) ws:\S+$/m);
  await b.get(leaseId, ['/a']);
  app.closeAllConnections();
  app.close();
  await b.get(leaseId, ['/b']);
  await expose.note(/any more/);
  expose.child.kill('SIGINT');
  assert.equal(await expose.exited, 0);
  assert.match(expose.stderr(), /^502 GET \/b: .*\nNothing listens on .*\n$/);
});

test('--json prints every event on stdout, and nothing on stderr', async (t) => {
  const b = await bench(t);
  const expose = startCli(t, [...b.args, '--json', '--allow-client', createCredential().id], b.environment);
  const [, leaseId = ''] = await expose.line(/"event":"published".*"lease_id":"([A-Z2-7]{26})"/);
  await assert.rejects(b.get(leaseId, ['/a']));
  await expose.line(/"event":"client_refused"/);
  await b.startApp();
  await expose.line(/"event":"app_returned"/);
  expose.child.kill('SIGINT');
  assert.equal(await expose.exited, 0);
  assert.equal(expose.stderr(), '');
  const events = expose
    .stdout()
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Readonly<Record<string, unknown>>);
  assert.deepEqual(events.map(({ event }) => event).sort(), [
    'app_lost',
    'app_returned',
    'client_refused',
    'published',
  ]);
  for (const { time: at, level, message } of events) {
    assert.match(String(at), /^\d{4}-\d\d-\d\dT[\d:.]{12}Z$/);
    assert.match(String(level), /^(?:info|warn)$/);
    assert.match(String(message), /^[^\n]+\.$/);
  }
  const published = events.find(({ event }) => event === 'published');
  assert.deepEqual(published?.['paths'], ['/peer/my-app/', `/peer/${leaseId}/`]);
});

test('a relay behind a proxy that responds with 502 is waited for', async (t) => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.on('upgrade', (_request, socket) => {
    socket.end('HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n');
  });
  const url = `ws://127.0.0.1:${port}/relay`;
  const expose = startCli(t, ['expose', '3000', '--name', 'early', '--relay', url], {
    XDG_STATE_HOME: await temporaryDirectory(t),
  });
  await expose.note(/^Not connected: relay .* responded with HTTP 502 .* overloaded or down\. Retrying\.$/m);
  server.closeAllConnections();
  server.close();
  await once(server, 'close');
  const relay = createRelay({ port, identity: createCredential() });
  t.after(() => relay.close());
  await relay.listen();
  await expose.line(/^early /m);
});
