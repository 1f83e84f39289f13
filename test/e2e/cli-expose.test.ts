// `expose` as users run it, on our own relay: publish, call, disconnect, reconnect.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdir, stat } from 'node:fs/promises';
import { createServer, request as httpRequest, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { test, type TestContext } from 'node:test';
import { createDemoApp } from '../../src/demo/demo-app.ts';
import { connect, createCredential, type Credential, type SecureChannel } from '../../src/portal/index.ts';
import { createRelay, type Relay } from '../../src/relay/relay.ts';
import { runCli, startCli, temporaryDirectory } from '../helpers/cli.ts';
import { freePort } from '../helpers/free-port.ts';

async function startApp(t: TestContext): Promise<string> {
  const app = createDemoApp();
  app.listen(0, '127.0.0.1');
  await once(app, 'listening');
  t.after(() => {
    app.closeAllConnections();
    app.close();
  });
  return `127.0.0.1:${(app.address() as AddressInfo).port}`;
}

async function startRelay(t: TestContext, port = 0): Promise<{ relay: Relay; url: string; port: number }> {
  const relay = createRelay({ port, identity: createCredential() });
  t.after(() => relay.close());
  return { relay, ...(await relay.listen()) };
}

/** Opens a tunnel to the lease with a separate client. */
async function dial(
  t: TestContext,
  url: string,
  leaseId: string,
  credential: Credential = createCredential(),
): Promise<SecureChannel> {
  const session = await connect(url, { credential });
  t.after(() => session.close());
  return session.dial(leaseId, { alpn: 'http/1.1', signal: AbortSignal.timeout(10_000) });
}

async function get(tunnel: SecureChannel, path: string): Promise<IncomingMessage> {
  const request = httpRequest({ createConnection: () => tunnel, path, headers: { host: 'x' } });
  request.end();
  return ((await once(request, 'response')) as [IncomingMessage])[0];
}

const publishedLine = /^(\S+) ([A-Z2-7]{26}) (\S+)$/m;

test('publishes an app, serves calls, and withdraws it on Ctrl-C', async (t) => {
  const state = await temporaryDirectory(t);
  const { url } = await startRelay(t);
  const expose = startCli(t, ['expose', await startApp(t), '--name', 'my-app', '--relay', url], {
    XDG_STATE_HOME: state,
  });
  const [, name, leaseId = '', relay] = await expose.line(publishedLine);
  assert.deepEqual([name, relay], ['my-app', url]);
  const response = await get(await dial(t, url, leaseId), '/status/418');
  assert.equal(response.statusCode, 418);
  response.resume();

  expose.child.kill('SIGINT');
  assert.equal(await expose.exited, 0);
  const session = await connect(url, { credential: createCredential() });
  t.after(() => session.close());
  assert.deepEqual((await session.info(AbortSignal.timeout(5_000))).leases, []);
});

test('republishes under the same id after the relay was down', async (t) => {
  const state = await temporaryDirectory(t);
  const first = await startRelay(t);
  const expose = startCli(t, ['expose', await startApp(t), '--name', 'Größe', '--relay', first.url], {
    XDG_STATE_HOME: state,
  });
  const [, , leaseId = ''] = await expose.line(publishedLine);
  await first.relay.close();
  await expose.note(/^Lost /m);
  await startRelay(t, first.port);
  await expose.note(/Published[^]*Published/);
  const response = await get(await dial(t, first.url, leaseId), '/bytes/100000');
  assert.equal((await text(response.setEncoding('latin1'))).length, 100_000);
  assert.equal(expose.stdout().trim().split('\n').length, 1);
});

test('waits for a relay that is not up yet', async (t) => {
  const state = await temporaryDirectory(t);
  const { relay, url, port } = await startRelay(t);
  await relay.close();
  const expose = startCli(t, ['expose', '3000', '--name', 'early', '--relay', url], { XDG_STATE_HOME: state });
  await expose.note(/nothing listens on port/);
  await startRelay(t, port);
  await expose.line(publishedLine);
});

test('publishes the same lease on several relays, and an unreachable one does not delay the other', async (t) => {
  const state = await temporaryDirectory(t);
  const here = await startRelay(t);
  const away = await startRelay(t);
  await away.relay.close();
  const relays = ['--relay', away.url, '--relay', here.url, '--relay', here.url];
  const expose = startCli(t, ['expose', await startApp(t), '--name', 'twice', ...relays], { XDG_STATE_HOME: state });
  const [, , leaseId] = await expose.line(publishedLine);
  await startRelay(t, away.port);
  const [, second] = await expose.line(new RegExp(`^twice ([A-Z2-7]{26}) ${away.url}$`, 'm'));
  assert.equal(second, leaseId);
});

test('with --allow-client only the named gateway reaches the app', async (t) => {
  const state = await temporaryDirectory(t);
  const { url } = await startRelay(t);
  let calls = 0;
  const app = createServer((_request, response) => {
    calls += 1;
    response.end('in');
  }).listen(0, '127.0.0.1');
  await once(app, 'listening');
  t.after(() => {
    app.closeAllConnections();
    app.close();
  });
  const gateway = createCredential();
  const target = `http://127.0.0.1:${(app.address() as AddressInfo).port}`;
  const args = ['expose', target, '--name', 'guarded', '--relay', url, '--allow-client', gateway.id];
  const [, , leaseId = ''] = await startCli(t, args, { XDG_STATE_HOME: state }).line(publishedLine);
  await assert.rejects(dial(t, url, leaseId), { name: 'PortalError' });
  // A client that claims the gateway's identity cannot prove it.
  const stranger = createCredential();
  const impostor: Credential = {
    id: gateway.id,
    publicKey: gateway.publicKey,
    sign: (data) => stranger.sign(data),
    exportPem: () => stranger.exportPem(),
  };
  await assert.rejects(dial(t, url, leaseId, impostor), { name: 'PortalError' });
  assert.equal(calls, 0);
  const response = await get(await dial(t, url, leaseId, gateway), '/');
  assert.equal(await text(response), 'in');
});

test('a name held by another identity: expose reports the holder, waits, and publishes once it is free', async (t) => {
  const { url } = await startRelay(t);
  const args = ['expose', '3000', '--name', 'taken', '--relay', url];
  const first = startCli(t, args, { XDG_STATE_HOME: await temporaryDirectory(t) });
  const [, , holder = ''] = await first.line(publishedLine);
  const second = startCli(t, args, { XDG_STATE_HOME: await temporaryDirectory(t) });
  const time = String.raw`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ`;
  await second.note(
    new RegExp(
      `^"taken" is held on ${url} by the lease ${holder}, since ${time} or earlier; ` +
        `that lease expires at ${time} unless it is renewed\\. Retrying\\.$`,
      'm',
    ),
  );
  first.child.kill('SIGINT');
  assert.equal(await first.exited, 0);
  const [, , leaseId] = await second.line(publishedLine);
  assert.notEqual(leaseId, holder);
});

test('reports an app that is not up yet at start, and reaches it on either address family', async (t) => {
  const { url } = await startRelay(t);
  const port = await freePort();
  const expose = startCli(t, ['expose', String(port), '--name', 'later', '--relay', url], {
    XDG_STATE_HOME: await temporaryDirectory(t),
  });
  await expose.note(
    new RegExp(`^Nothing listens on http://localhost:${port} yet; requests get 502 until something does\\.$`, 'm'),
  );
  const [, , leaseId = ''] = await expose.line(publishedLine);
  const early = await get(await dial(t, url, leaseId), '/');
  assert.equal(early.statusCode, 502);
  assert.match(await text(early), /app_unreachable/);
  const app = createServer((_request, response) => response.end('here')).listen(port, '::1');
  await once(app, 'listening');
  t.after(() => {
    app.closeAllConnections();
    app.close();
  });
  assert.equal(await text(await get(await dial(t, url, leaseId), '/')), 'here');
});

test('rejects connections beyond --max-tunnels and prints a line that names the option', async (t) => {
  const { url } = await startRelay(t);
  const args = ['expose', await startApp(t), '--name', 'small', '--relay', url];
  const environment = { XDG_STATE_HOME: await temporaryDirectory(t) };
  for (const bad of ['0', '100001', '1e3', '-1', '']) {
    const { code, stderr } = await runCli(t, [...args, `--max-tunnels=${bad}`], environment);
    assert.deepEqual([code, stderr.includes('from 1 to 100000')], [2, true], bad);
  }
  const expose = startCli(t, [...args, '--max-tunnels', '2'], environment);
  const [, , leaseId = ''] = await expose.line(publishedLine);
  for (let i = 0; i < 2; i += 1) (await dial(t, url, leaseId)).on('error', () => undefined);
  // The connection is cut during or after the dial.
  const third = await dial(t, url, leaseId).catch(() => undefined);
  third?.on('error', () => undefined);
  await expose.note(/^Refused a connection: 2 are already open, the limit set by --max-tunnels\.$/m);
});

test('rejects a second expose with the same identity, and names the process that holds it', async (t) => {
  const state = await temporaryDirectory(t);
  const { url } = await startRelay(t);
  const args = ['expose', '3000', '--name', 'once', '--relay', url];
  const first = startCli(t, args, { XDG_STATE_HOME: state });
  await first.line(publishedLine);
  const file = join(state, 'portal-gateway', 'expose', 'once.pem');
  const line = new RegExp(
    `^portal-gateway: the identity ${file} is in use: process ${first.child.pid ?? 0} publishes with it; .*--replace.*\\n$`,
  );
  for (const identity of [[], ['--identity', file]]) {
    const { code, stderr, stdout } = await runCli(t, [...args, ...identity], { XDG_STATE_HOME: state });
    assert.deepEqual([code, stdout], [75, '']);
    assert.match(stderr, line);
  }
  // A killed process must not leave anything that delays the next one.
  first.child.kill('SIGKILL');
  await first.exited;
  await startCli(t, args, { XDG_STATE_HOME: state }).line(publishedLine);
});

test('--replace publishes first, then the other process drains and exits, and no request fails', async (t) => {
  const state = await temporaryDirectory(t);
  const { relay, url } = await startRelay(t);
  const args = ['expose', await startApp(t), '--name', 'shift', '--relay', url];
  const environment = { XDG_STATE_HOME: state };
  const first = startCli(t, args, environment);
  const [, , leaseId = ''] = await first.line(publishedLine);
  const second = startCli(t, [...args, '--replace'], environment);
  const over = new AbortController();
  const session = await connect(url, { credential: createCredential() });
  t.after(() => session.close());
  const calls = (async () => {
    let responded = 0;
    while (!over.signal.aborted) {
      const tunnel = await session.dial(leaseId, { alpn: 'http/1.1', signal: AbortSignal.timeout(10_000) });
      const response = await get(tunnel, '/bytes/1000');
      assert.equal((await text(response.setEncoding('latin1'))).length, 1_000);
      tunnel.destroy();
      responded += 1;
    }
    return responded;
  })();
  assert.equal((await second.line(publishedLine))[2], leaseId);
  await first.note(new RegExp(`^Another expose \\(process ${second.child.pid ?? 0}\\) takes over\\.`, 'm'));
  assert.equal(await first.exited, 0);
  await second.note(new RegExp(`^Took over from process ${first.child.pid ?? 0}\\.$`, 'm'));
  over.abort();
  assert.ok((await calls) > 0);
  assert.equal(relay.counts().leases, 1);
  const { code, stderr } = await runCli(t, args, environment);
  assert.equal(code, 75);
  assert.match(stderr, new RegExp(`process ${second.child.pid ?? 0} publishes with it`));
});

test('--replace reports that the other process cannot be asked to drain', async (t) => {
  const state = await temporaryDirectory(t);
  const identity = join(state, 'app.pem');
  const { url } = await startRelay(t);
  const args = ['expose', await startApp(t), '--name', 'stuck', '--relay', url, '--identity', identity];
  const first = startCli(t, args, { XDG_STATE_HOME: state });
  await first.line(publishedLine);
  await mkdir(`${identity}.drain`);
  const second = startCli(t, [...args, '--replace'], { XDG_STATE_HOME: state });
  const pid = first.child.pid ?? 0;
  await second.note(new RegExp(`^process ${pid} cannot be asked to drain \\(EISDIR\\): stop it`, 'm'));
});

test('--replace without another process only publishes', async (t) => {
  const { url } = await startRelay(t);
  const args = ['expose', await startApp(t), '--name', 'alone', '--relay', url, '--replace'];
  const expose = startCli(t, args, { XDG_STATE_HOME: await temporaryDirectory(t) });
  await expose.line(publishedLine);
  expose.child.kill('SIGINT');
  assert.equal(await expose.exited, 0);
  assert.doesNotMatch(expose.stderr(), /replace|Took over/);
});

test('keeps the identity of a name in a file that only its owner can read', async (t) => {
  const state = await temporaryDirectory(t);
  const { url } = await startRelay(t);
  const ids: string[] = [];
  for (const name of ['one', 'one', 'two']) {
    const expose = startCli(t, ['expose', '3000', '--name', name, '--relay', url], { XDG_STATE_HOME: state });
    const [, , leaseId = ''] = await expose.line(publishedLine);
    ids.push(leaseId);
    expose.child.kill('SIGINT');
    assert.equal(await expose.exited, 0);
  }
  assert.equal(ids[0], ids[1]);
  assert.notEqual(ids[1], ids[2]);
  const { mode } = await stat(join(state, 'portal-gateway', 'expose', 'one.pem'));
  assert.equal(mode & 0o777, 0o600);
});
