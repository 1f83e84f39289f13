// `dev`: the commands that it prints work when pasted, the app cannot be reached around the
// gateway, and Ctrl-C stops everything.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readdir } from 'node:fs/promises';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { connect as connectTcp } from 'node:net';
import { json, text } from 'node:stream/consumers';
import { test, type TestContext } from 'node:test';
import { WebSocket } from 'ws';
import { connect, createCredential } from '../../src/portal/index.ts';
import { startCli, temporaryDirectory, type CliProcess } from '../helpers/cli.ts';

interface Dev {
  readonly cli: CliProcess;
  readonly key: string;
  readonly url: URL;
  readonly relay: string;
  readonly state: string;
}

async function startDev(t: TestContext): Promise<Dev> {
  const state = await temporaryDirectory(t);
  const cli = startCli(t, ['dev', '--port', '0'], { XDG_STATE_HOME: state, HOME: state });
  const [, key = '', url = ''] = await cli.line(
    /^key {3}(sk_test_[0-9A-Za-z]{48})\ntry {3}curl -H 'Authorization: Bearer \1' (http:\/\/127\.0\.0\.1:\d+\/peer\/demo\/)\n/m,
  );
  const [, relay = ''] = await cli.note(/relay +(ws:\S+)/);
  return { cli, key, url: new URL(url), relay, state };
}

async function call(dev: Dev, path: string, headers: Record<string, string> = {}): Promise<IncomingMessage> {
  const request = httpRequest(new URL(path, dev.url), {
    agent: false,
    headers: { authorization: `Bearer ${dev.key}`, ...headers },
  });
  request.end();
  return ((await once(request, 'response')) as [IncomingMessage])[0];
}

test('the command printed by dev reaches the demo app through the tunnel, and Ctrl-C ends everything', async (t) => {
  const dev = await startDev(t);
  const response = await call(dev, '');
  assert.equal(response.statusCode, 200);
  assert.match(await text(response), /You came through the tunnel/);

  const described = (await json(await call(dev, 'echo'))) as { headers: [string, string][] };
  const names = described.headers.map(([name]) => name.toLowerCase());
  assert.ok(names.includes('x-request-id') && names.includes('via'), names.join());
  assert.ok(!names.includes('authorization'));

  const unauthorised = await call(dev, '', { authorization: 'Bearer sk_test_wrong' });
  assert.equal(unauthorised.statusCode, 401);
  unauthorised.resume();

  const socket = new WebSocket(`ws://${dev.url.host}/peer/demo/ws`, {
    headers: { authorization: `Bearer ${dev.key}` },
  });
  await once(socket, 'open');
  socket.send('hello');
  assert.equal(String(((await once(socket, 'message')) as [Buffer])[0]), 'hello');

  dev.cli.child.kill('SIGINT');
  assert.equal(await dev.cli.exited, 0);
  assert.deepEqual(await readdir(dev.state), []);
  for (const port of [dev.url.port, new URL(dev.relay).port]) {
    await assert.rejects(once(connectTcp(Number(port), '127.0.0.1'), 'connect'), { code: 'ECONNREFUSED' });
  }
});

test('the app of dev admits only its gateway, even to clients of its relay', async (t) => {
  const dev = await startDev(t);
  const session = await connect(dev.relay, { credential: createCredential() });
  t.after(() => session.close());
  const { leases } = await session.info(AbortSignal.timeout(5_000));
  assert.deepEqual(
    leases.map(({ name }) => name),
    ['demo'],
  );
  const dialled = session.dial(leases[0]?.id ?? '', { alpn: 'http/1.1', signal: AbortSignal.timeout(10_000) });
  await assert.rejects(dialled, { name: 'PortalError' });
});

test('two dev processes run side by side, with separate keys', async (t) => {
  const [one, two] = await Promise.all([startDev(t), startDev(t)]);
  assert.notEqual(one.key, two.key);
  assert.notEqual(one.relay, two.relay);
  const response = await call({ ...one, key: two.key }, '');
  assert.equal(response.statusCode, 401);
  response.resume();
});

test('dev stops if interrupted during startup', async (t) => {
  const cli = startCli(t, ['dev', '--port', '0'], { XDG_STATE_HOME: await temporaryDirectory(t) });
  await once(cli.child, 'spawn');
  cli.child.kill('SIGTERM');
  const code = await cli.exited;
  // Before our handlers are installed, the signal has its default effect.
  assert.ok(code === 0 || code === null, `exit code ${code ?? ''}`);
});

test('dev completes a request in flight before it exits', async (t) => {
  const dev = await startDev(t);
  const response = await call(dev, 'sse?count=10&interval=50');
  await once(response, 'readable');
  dev.cli.child.kill('SIGTERM');
  assert.match(await text(response), /id: 10\n/);
  assert.equal(await dev.cli.exited, 0);
});
