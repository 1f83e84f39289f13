// Our relay as seen by a well-behaved client and app, over real websockets.
import assert from 'node:assert/strict';
import { connect as connectTcp } from 'node:net';
import process from 'node:process';
import { test } from 'node:test';
import { describeFrame, parseFrames } from '../../test/helpers/mux-frames.ts';
import { startRelay } from '../../test/helpers/relay-bench.ts';
import { createCredential } from '../portal/identity.ts';
import { encodePacket, ResponseCode } from '../portal/packets/packets.ts';
import { connectCarrier } from '../portal/websocket/connect.ts';
import { createRelay } from './relay.ts';

const { ACCEPTED, CLOCK_SKEW, INVALID_EXPIRES, INVALID_IDENTITY, INVALID_NAME, INVALID_ALPN, REJECTED } = ResponseCode;

test('lists a lease with all its fields, and the identity and address of the relay', async (t) => {
  const bench = await startRelay(t);
  const app = await bench.peer();
  const metadata = JSON.stringify({ description: 'déjà vu', hide: true });
  assert.equal(
    await app.register({ name: 'my-app', alpn: ['http/1.1', 'x'], metadata, expires: 4_102_444_800n }),
    ACCEPTED,
  );
  const response = await (await bench.peer()).ask({ type: 'relayInfoRequest' });
  assert.ok(response.type === 'relayInfoResponse');
  assert.deepEqual(response.relayInfo, {
    identity: { id: bench.credential.id, publicKey: bench.credential.publicKey },
    address: [bench.url],
    leases: [
      {
        identity: { id: app.id, publicKey: app.credential.publicKey },
        expires: 4_102_444_800n,
        name: 'my-app',
        alpn: ['http/1.1', 'x'],
        metadata,
      },
    ],
  });
});

test('serves several requests in turn on one stream, byte by byte, and ends it after the peer', async (t) => {
  const bench = await startRelay(t);
  const app = await bench.peer();
  const stream = await app.open();
  for (const byte of encodePacket({ type: 'relayInfoRequest' })) stream.write(Buffer.from([byte]));
  assert.equal((await stream.packet()).type, 'relayInfoResponse');
  stream.write(encodePacket(app.leaseUpdate({ name: 'a' })), encodePacket({ type: 'relayInfoRequest' }));
  assert.deepEqual(await stream.packet(), { type: 'leaseUpdateResponse', code: ACCEPTED });
  const info = await stream.packet();
  assert.equal(info.type === 'relayInfoResponse' && info.relayInfo?.leases.length, 1);
  stream.write(encodePacket(app.leaseDelete()));
  assert.deepEqual(await stream.packet(), { type: 'leaseDeleteResponse', code: ACCEPTED });
  stream.pipe.end();
  assert.equal((await stream.finished()).length, 0);
});

test('accepts and lists a lease with a picture as large as the stock demo’s', async (t) => {
  const bench = await startRelay(t);
  const app = await bench.peer();
  const metadata = JSON.stringify({ thumbnail: 'x'.repeat(200_000) });
  assert.equal(await app.register({ metadata }), ACCEPTED);
  assert.equal((await app.leases())[0]?.metadata, metadata);
});

test('a taken name is REJECTED until its lease is deleted or its connection is lost', async (t) => {
  const bench = await startRelay(t);
  const [first, second, third] = [await bench.peer(), await bench.peer(), await bench.peer()];
  assert.equal(await first.register({ name: 'app' }), ACCEPTED);
  assert.equal(await second.register({ name: 'app' }), REJECTED);
  assert.equal(await second.register({ name: 'App' }), REJECTED);
  assert.equal(await second.register({ name: second.credential.id.toLowerCase() }), INVALID_NAME);
  await first.ask(first.leaseDelete());
  assert.equal(await third.register({ name: 'app' }), ACCEPTED);
  third.close();
  await bench.event('lease_dropped', ({ reason }) => reason === 'connection_lost');
  assert.equal(await first.register({ name: 'app' }), ACCEPTED);
});

test('rejects faulty leases with the code that names the fault', async (t) => {
  const bench = await startRelay(t);
  const app = await bench.peer();
  assert.equal(await app.register({ expires: 1n }), INVALID_EXPIRES);
  assert.equal(await app.register({ name: 'n'.repeat(300) }), INVALID_NAME);
  assert.equal(await app.register({ alpn: Array.from({ length: 17 }, () => 'x') }), INVALID_ALPN);
  assert.equal(await app.register({ metadata: 'x'.repeat(262_145) }), REJECTED);
  const other = createCredential();
  assert.equal(
    await app.register({ identity: { id: other.id, publicKey: app.credential.publicKey } }),
    INVALID_IDENTITY,
  );
  assert.equal(await app.register({ identity: { id: other.id, publicKey: other.publicKey } }), INVALID_IDENTITY);
  assert.equal(await app.register({ identity: { id: other.id, publicKey: new Uint8Array(31) } }), INVALID_IDENTITY);
  assert.deepEqual(await app.leases(), []);
});

test('accepts names with spaces, separators and any script unchanged', async (t) => {
  const bench = await startRelay(t);
  for (const name of ['with space', '../etc/passwd', 'a/b\\c', 'appli-été_日本']) {
    const app = await bench.peer();
    assert.equal(await app.register({ name }), ACCEPTED, name);
    assert.ok((await app.leases()).some((lease) => lease.name === name));
  }
});

test('accepts a delete only from the connection that holds the lease, with the right signature', async (t) => {
  const bench = await startRelay(t);
  const [app, thief] = [await bench.peer(), await bench.peer()];
  await app.register({ name: 'app' });
  const recorded = app.leaseDelete();
  assert.deepEqual(await thief.ask(recorded), { type: 'leaseDeleteResponse', code: INVALID_IDENTITY });
  const forged = app.leaseDelete();
  if (forged.type === 'leaseDeleteRequest') forged.signed.signature.set([0, 0, 0, 0]);
  assert.deepEqual(await app.ask(forged), { type: 'leaseDeleteResponse', code: INVALID_IDENTITY });
  assert.equal((await app.leases()).length, 1);
  assert.deepEqual(await app.ask(recorded), { type: 'leaseDeleteResponse', code: ACCEPTED });
});

test("a lease lasts as long as requested, whatever the app's clock says and however ours steps", async (t) => {
  let [passedMs, steppedMs] = [0, 0];
  const clock = { monotonicMs: () => performance.now() + passedMs, wallMs: () => Date.now() + steppedMs };
  const bench = await startRelay(t, {}, { clock });
  for (const skewSeconds of [-25n, -5n, 0n, 5n, 25n]) {
    const app = await bench.peer();
    const timestamp = BigInt(Math.floor(Date.now() / 1_000)) + skewSeconds;
    const response = await app.ask(app.leaseUpdate({ expires: timestamp + 100n }, app.credential, timestamp));
    assert.deepEqual(response, { type: 'leaseUpdateResponse', code: ACCEPTED });
  }
  steppedMs = 300_000;
  passedMs = 50_000;
  assert.equal(bench.relay.counts().leases, 5);
  steppedMs = 0;
  passedMs = 100_000;
  assert.equal(bench.relay.counts().leases, 0);
});

test('rejects a timestamp outside the tolerance with a dedicated code, also in a recorded request', async (t) => {
  let steppedMs = 0;
  const clock = { monotonicMs: () => performance.now(), wallMs: () => Date.now() + steppedMs };
  const bench = await startRelay(t, {}, { clock });
  const app = await bench.peer();
  const now = BigInt(Math.floor(Date.now() / 1_000));
  for (const timestamp of [now - 40n, now + 40n, now - 300n, now + 300n, 0n, -(2n ** 63n), 2n ** 63n - 1n]) {
    const response = await app.ask(app.leaseUpdate({ expires: now + 300n }, app.credential, timestamp));
    assert.deepEqual(response, { type: 'leaseUpdateResponse', code: CLOCK_SKEW }, String(timestamp));
  }
  const refused = await bench.event('lease_refused');
  assert.equal(refused.reason, 'clock_skew');
  assert.ok(Math.abs((refused.skewSeconds ?? NaN) - 40) <= 3);
  const recorded = app.leaseUpdate();
  assert.deepEqual(await app.ask(recorded), { type: 'leaseUpdateResponse', code: ACCEPTED });
  steppedMs = 32_000;
  assert.deepEqual(await app.ask(recorded), { type: 'leaseUpdateResponse', code: CLOCK_SKEW });
});

test('the last registration of an identity wins', async (t) => {
  const bench = await startRelay(t);
  const credential = createCredential();
  const [first, second, client] = [await bench.peer(credential), await bench.peer(credential), await bench.peer()];
  await first.register({ name: 'app' });
  await second.register({ name: 'app' });
  const dialled = await client.dial(credential.id);
  await second.respond(ACCEPTED);
  assert.equal(await dialled.code(), ACCEPTED);
});

test('drain lets connections end, accepts no new ones, and then releases the port', async (t) => {
  const bench = await startRelay(t);
  const { atApp, atClient, client } = await bench.joined();
  const drained = bench.relay.drain(new AbortController().signal);
  await assert.rejects(bench.peer(), { code: 'relay_unreachable' });
  assert.equal((await fetch(`http://127.0.0.1:${bench.port}/health`)).status, 503);
  atClient.write(Buffer.from('still here'));
  assert.equal((await atApp.read(10)).toString(), 'still here');
  await assert.rejects(client.open(), { code: 'session_goaway' });
  atClient.pipe.end();
  atApp.pipe.end();
  await drained;
  await assert.rejects(bench.peer(), { code: 'relay_unreachable' });
});

test('drain ends when its signal aborts, close() at once; both may be called again', async (t) => {
  const bench = await startRelay(t);
  const { atClient } = await bench.joined();
  await bench.relay.drain(AbortSignal.abort());
  await atClient.failure();
  await bench.relay.close();
  await bench.relay.drain(AbortSignal.abort());
});

test('a port in use causes the system’s error, and a relay that never listened can be closed', async (t) => {
  const bench = await startRelay(t);
  const second = createRelay({ port: bench.port, identity: bench.credential });
  await assert.rejects(second.listen(), { code: 'EADDRINUSE' });
  await second.close();
});

test(
  'listens on every address of a host name, within one connection limit',
  { skip: process.platform === 'linux' ? false : 'needs several loopback addresses' },
  async (t) => {
    const addresses = ['127.0.0.1', '127.0.0.2'];
    const relay = createRelay({
      ...{ host: 'relay.test', port: 0, limits: { connections: 1 } },
      lookup: () => Promise.resolve(addresses),
    });
    t.after(() => relay.close());
    const { port, url } = await relay.listen();
    assert.equal(url, `ws://127.0.0.1:${port}/relay`);
    for (const address of addresses) {
      const response = await fetch(`http://${address}:${port}/health`, { headers: { connection: 'close' } });
      assert.equal(response.status, 200);
      await response.text();
    }
    // One websocket, and 256 spare sockets for short requests.
    let closed = 0;
    const refused = Promise.withResolvers<undefined>();
    for (let i = 0; i < 300; i += 1) {
      const socket = connectTcp(port, addresses[i % 2] ?? '');
      t.after(() => socket.destroy());
      socket.on('error', () => undefined);
      socket.once('close', () => {
        closed += 1;
        if (closed === 300 - 257) refused.resolve(undefined);
      });
    }
    await refused.promise;
    await relay.close();
    for (const address of addresses) await assert.rejects(fetch(`http://${address}:${port}/health`));
  },
);

test('a relay closed while it starts listening does not listen', async () => {
  const looked = Promise.withResolvers<readonly string[]>();
  const relay = createRelay({ host: 'relay.test', port: 0, lookup: () => looked.promise });
  const listening = relay.listen();
  await relay.close();
  looked.resolve(['127.0.0.1']);
  await assert.rejects(listening, /closed before it listened/);
});

test('measures the round trip when a session begins', { timeout: 60_000 }, async (t) => {
  const keepalive = { intervalMs: 600_000, timeoutMs: 10_000 };
  const bench = await startRelay(t, {}, { keepalive });
  const carrier = await connectCarrier(bench.url, { signal: AbortSignal.timeout(10_000) });
  const first = await new Promise<Buffer>((resolve) => {
    carrier.setHandler({
      data: (chunk) => {
        resolve(Buffer.from(chunk));
      },
      drain: () => undefined,
      close: () => undefined,
    });
  });
  assert.deepEqual(parseFrames(first).map(describeFrame), ['Ping SYN 0 0']);
  carrier.close();
});
