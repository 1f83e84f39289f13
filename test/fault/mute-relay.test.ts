// A relay that accepts WebSockets and never sends a byte over them: it never counts as connected,
// and all clients reconnect when it responds.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test, type TestContext } from 'node:test';
import { WebSocketServer } from 'ws';
import { createGateway } from '../../src/gateway/gateway.ts';
import { createMetrics } from '../../src/observe/metrics/metrics.ts';
import { connect, createCredential, type RelayClientEvent } from '../../src/portal/index.ts';
import { createRelay } from '../../src/relay/relay.ts';
import { createTransport } from '../../src/upstream/create-transport.ts';
import { startCli, temporaryDirectory } from '../helpers/cli.ts';
import { parseExposition, valueOf } from '../helpers/exposition.ts';
import { testPolicy } from '../helpers/policy.ts';
import { portalError } from '../helpers/portal-error.ts';

interface MuteRelay {
  readonly url: string;
  /** Resolves when this many WebSockets have been opened. */
  readonly opened: (count: number) => Promise<void>;
  /** Replaces it with a relay that responds. */
  readonly recover: () => Promise<void>;
}

async function startMuteRelay(t: TestContext): Promise<MuteRelay> {
  const server = createServer();
  const websockets = new WebSocketServer({ server });
  let count = 0;
  websockets.on('connection', (socket) => {
    count += 1;
    socket.on('error', () => undefined);
    websockets.emit('counted');
  });
  const close = async (): Promise<void> => {
    for (const socket of websockets.clients) socket.terminate();
    if (!server.listening) return;
    server.close();
    await once(server, 'close');
  };
  t.after(close);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `ws://127.0.0.1:${port}/relay`,
    opened: async (wanted) => {
      while (count < wanted) await once(websockets, 'counted');
    },
    recover: async () => {
      await close();
      const relay = createRelay({ port, identity: createCredential() });
      t.after(() => relay.close());
      await relay.listen();
    },
  };
}

const keepalive = { intervalMs: 50, timeoutMs: 50 };

test('connecting fails, and the error names its URL', async (t) => {
  const { url } = await startMuteRelay(t);
  await assert.rejects(connect(url, { credential: createCredential(), keepalive }), (error) => {
    assert.ok(portalError('connect_timeout')(error));
    assert.ok((error as Error).message.includes(url));
    return true;
  });
});

test('connecting ends at once when the caller aborts', async (t) => {
  const { url, opened } = await startMuteRelay(t);
  const abort = new AbortController();
  const connecting = connect(url, { credential: createCredential(), signal: abort.signal });
  await opened(1);
  abort.abort();
  await assert.rejects(connecting, portalError('dial_aborted'));
});

test('the gateway is not ready, its metric is 0, and both change when the relay responds', async (t) => {
  const { url, opened, recover } = await startMuteRelay(t);
  const events: RelayClientEvent['type'][] = [];
  const up = Promise.withResolvers<undefined>();
  const transport = createTransport({
    url,
    credential: createCredential(),
    keepalive,
    reconnect: { initialMs: 10, maxMs: 10 },
    log: ({ type }) => {
      events.push(type);
      if (type === 'up') up.resolve(undefined);
    },
  });
  const gateway = createGateway({ host: '127.0.0.1', port: 0, policy: testPolicy(), transports: [transport] });
  t.after(() => gateway.close());
  const metrics = createMetrics({ version: '1.2.3', status: () => gateway.status() });
  t.after(() => {
    metrics.close();
  });
  const { port } = await gateway.listen();
  const ready = async (): Promise<unknown> => (await fetch(`http://127.0.0.1:${port}/health/ready`)).json();
  const connected = async (): Promise<number | undefined> =>
    valueOf(parseExposition((await metrics.text()).body), 'portal_gateway_portal_connected', { relay: url });

  for (const attempt of [1, 2, 3]) {
    await opened(attempt);
    assert.deepEqual(await ready(), { status: 'not_ready', reason: 'portal_disconnected' });
    assert.equal(await connected(), 0);
  }
  assert.ok(events.every((type) => type === 'attempt_failed'));

  await recover();
  await up.promise;
  while (((await ready()) as { status: string }).status !== 'ready');
  assert.equal(await connected(), 1);
});

test('expose reports that it is not connected, and publishes when the relay responds', async (t) => {
  const { url, recover } = await startMuteRelay(t);
  const expose = startCli(t, ['expose', '3000', '--name', 'patient', '--relay', url], {
    XDG_STATE_HOME: await temporaryDirectory(t),
  });
  await expose.note(/^Not connected: relay \S+ opened a websocket and then did not respond.*Retrying\.$/m);
  assert.equal(expose.stdout(), '');
  await recover();
  await expose.line(/^patient [A-Z2-7]{26} /m);
});

for (const [signal, code] of [
  ['SIGTERM', 143],
  ['SIGINT', 130],
] as const) {
  test(`${signal} ends a command that waits for a relay with one line`, async (t) => {
    const { url, opened } = await startMuteRelay(t);
    const cli = startCli(t, ['leases', '--relay', url], { XDG_STATE_HOME: await temporaryDirectory(t) });
    await opened(1);
    cli.child.kill(signal);
    assert.equal(await cli.exited, code);
    assert.deepEqual([cli.stdout(), cli.stderr()], ['', `portal-gateway: interrupted by ${signal}\n`]);
  });
}
