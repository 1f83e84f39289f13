// The client library against our relay, over real sockets: the guarantees for programs that import
// `portal-gateway/portal`.
import assert from 'node:assert/strict';
import { text } from 'node:stream/consumers';
import { test, type TestContext } from 'node:test';
import {
  connect,
  createCredential,
  RelayClient,
  type RelayClientEvent,
  type SecureChannel,
} from '../../src/portal/index.ts';
import { createRelay } from '../../src/relay/relay.ts';

const alpn = 'http/1.1';
const deadline = (): AbortSignal => AbortSignal.timeout(10_000);

async function startRelay(t: TestContext, port = 0): Promise<{ url: string; port: number; close(): Promise<void> }> {
  const relay = createRelay({ port, identity: createCredential() });
  t.after(() => relay.close());
  const { url, port: bound } = await relay.listen();
  return { url, port: bound, close: () => relay.close() };
}

function client(
  t: TestContext,
  url: string,
): { client: RelayClient; events: RelayClientEvent[]; seen(type: string): Promise<void> } {
  const events: RelayClientEvent[] = [];
  const waiting: { type: string; resolve: () => void }[] = [];
  const relayClient = new RelayClient({
    url,
    credential: createCredential(),
    reconnect: { initialMs: 20, maxMs: 100 },
    log: (event) => {
      events.push(event);
      for (const waiter of waiting) if (waiter.type === event.type) waiter.resolve();
    },
  });
  t.after(() => relayClient.close());
  return {
    client: relayClient,
    events,
    seen: (type) => new Promise((resolve) => waiting.push({ type, resolve })),
  };
}

/** Publishes an app that echoes what it receives, and ends when its client does. */
async function echoApp(t: TestContext, url: string, name: string): Promise<string> {
  const app = client(t, url);
  const published = app.seen('published');
  const credential = createCredential();
  const tunnels = app.client.listen({ name, alpn: [alpn], credential });
  void (async () => {
    for await (const tunnel of tunnels) tunnel.on('error', () => undefined).pipe(tunnel);
  })();
  await published;
  return credential.id;
}

test('bytes pass both ways through relay and tunnel, and each side may end first', async (t) => {
  const relay = await startRelay(t);
  const leaseId = await echoApp(t, relay.url, 'echo');
  const session = await connect(relay.url, { credential: createCredential() });
  t.after(() => session.close());
  const tunnel = await session.dial(leaseId, { alpn, signal: deadline() });
  assert.equal(tunnel.peerId, leaseId);
  assert.equal(tunnel.bytesSent, 0);
  tunnel.end('there and back');
  assert.equal(await text(tunnel), 'there and back');
  assert.equal(tunnel.bytesSent, 14);
});

test('info lists the published lease: name, id, alpn, metadata, expiry', async (t) => {
  const relay = await startRelay(t);
  const app = client(t, relay.url);
  const published = app.seen('published');
  const credential = createCredential();
  app.client.listen({ name: 'Listed', alpn: [alpn], metadata: '{"description":"d"}', credential });
  await published;
  const { leases } = await app.client.info(deadline());
  assert.deepEqual(
    leases.map(({ expiresAtMs, ...rest }) => ({ ...rest, inFuture: expiresAtMs > Date.now() })),
    [{ id: credential.id, name: 'Listed', alpn: [alpn], metadata: '{"description":"d"}', inFuture: true }],
  );
});

test('an unknown lease is lease_unknown, and the session stays open', async (t) => {
  const relay = await startRelay(t);
  const leaseId = await echoApp(t, relay.url, 'echo');
  const session = await connect(relay.url, { credential: createCredential() });
  t.after(() => session.close());
  await assert.rejects(session.dial(createCredential().id, { alpn, signal: deadline() }), { code: 'lease_unknown' });
  (await session.dial(leaseId, { alpn, signal: deadline() })).destroy();
});

test('an app rejects an alpn that it does not offer', async (t) => {
  const relay = await startRelay(t);
  const leaseId = await echoApp(t, relay.url, 'echo');
  const session = await connect(relay.url, { credential: createCredential() });
  t.after(() => session.close());
  await assert.rejects(session.dial(leaseId, { alpn: 'h2', signal: deadline() }), { code: 'lease_refused' });
});

test('with an allow list only listed clients get a tunnel', async (t) => {
  const relay = await startRelay(t);
  const friend = createCredential();
  const app = client(t, relay.url);
  const published = app.seen('published');
  const credential = createCredential();
  const tunnels = app.client.listen({
    name: 'guarded',
    alpn: [alpn],
    credential,
    allowClient: (id) => id === friend.id,
  });
  await published;
  const stranger = await connect(relay.url, { credential: createCredential() });
  t.after(() => stranger.close());
  await assert.rejects(stranger.dial(credential.id, { alpn, signal: deadline() }), { code: 'client_not_admitted' });
  const session = await connect(relay.url, { credential: friend });
  t.after(() => session.close());
  const [dialled, accepted] = await Promise.all([
    session.dial(credential.id, { alpn, signal: deadline() }),
    tunnels.next(),
  ]);
  assert.equal((accepted.value as SecureChannel).peerId, friend.id);
  dialled.destroy();
});

test('a name held by another identity is rejected, reported, and taken once it is free', async (t) => {
  const relay = await startRelay(t);
  const first = await connect(relay.url, { credential: createCredential() });
  const holder = { name: 'wanted', alpn: [alpn], credential: createCredential() };
  const heldNow = Promise.withResolvers<undefined>();
  first.publish(holder, () => false, {
    published: () => {
      heldNow.resolve(undefined);
    },
    refused: heldNow.reject,
  });
  await heldNow.promise;

  const second = client(t, relay.url);
  const refused = second.seen('publish_failed');
  second.client.listen({ name: 'wanted', alpn: [alpn], credential: createCredential() });
  await refused;
  assert.equal(
    second.events.some((event) => event.type === 'publish_failed' && event.error.code === 'lease_rejected'),
    true,
  );
  const published = second.seen('published');
  await first.close();
  await published;
});

test('a destroyed tunnel is an abort at the other end, in both directions', async (t) => {
  const relay = await startRelay(t);
  const app = client(t, relay.url);
  const published = app.seen('published');
  const credential = createCredential();
  const tunnels = app.client.listen({ name: 'abort', alpn: [alpn], credential });
  await published;
  const session = await connect(relay.url, { credential: createCredential() });
  t.after(() => session.close());
  for (const who of ['client', 'app'] as const) {
    const [dialled, accepted] = await Promise.all([
      session.dial(credential.id, { alpn, signal: deadline() }),
      tunnels.next(),
    ]);
    const [gone, left] =
      who === 'client' ? [dialled, accepted.value as SecureChannel] : [accepted.value as SecureChannel, dialled];
    const felt = new Promise((resolve) => left.once('close', resolve));
    left.on('error', () => undefined).resume();
    gone.destroy();
    await felt;
    assert.equal(left.readableEnded, false);
  }
});

test('after a relay restart the client reconnects and publishes the lease again', async (t) => {
  const relay = await startRelay(t);
  const app = client(t, relay.url);
  const published = app.seen('published');
  const credential = createCredential();
  const tunnels = app.client.listen({ name: 'phoenix', alpn: [alpn], credential });
  await published;
  const caller = client(t, relay.url);
  await caller.client.ready(deadline());
  const lost = Promise.all([app.seen('down'), caller.seen('down')]);
  await relay.close();
  await lost;
  assert.equal(caller.client.state(), 'down');
  await assert.rejects(caller.client.dial(credential.id, { alpn, signal: deadline() }), { code: 'relay_unreachable' });
  const again = Promise.all([app.seen('published'), caller.seen('up')]);
  await startRelay(t, relay.port);
  await again;
  const [dialled, accepted] = await Promise.all([
    caller.client.dial(credential.id, { alpn, signal: deadline() }),
    tunnels.next(),
  ]);
  assert.equal(accepted.done, false);
  dialled.destroy();
});

test('closing a client ends its listeners and pending dials', async (t) => {
  const relay = await startRelay(t);
  const { client: relayClient } = client(t, relay.url);
  await relayClient.ready(deadline());
  const tunnels = relayClient.listen({ name: 'short', alpn: [alpn], credential: createCredential() });
  const next = tunnels.next();
  await relayClient.close();
  assert.equal((await next).done, true);
  await assert.rejects(relayClient.ready(deadline()), { code: 'session_closed' });
  await assert.rejects(relayClient.dial('A'.repeat(26), { alpn, signal: deadline() }), { code: 'session_closed' });
});

test('a dial without a response ends when its signal aborts', async (t) => {
  const relay = await startRelay(t);
  const app = await connect(relay.url, { credential: createCredential() });
  t.after(() => app.close());
  const abort = new AbortController();
  const session = await connect(relay.url, { credential: createCredential() });
  t.after(() => session.close());
  const dial = session.dial(createCredential().id, { alpn, signal: abort.signal });
  abort.abort(new Error('the caller left'));
  await assert.rejects(dial, { message: 'the caller left' });
});
