// Connections through our relay between a well-behaved client and app, over real websockets.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { startRelay } from '../../test/helpers/relay-bench.ts';
import { createCredential } from '../portal/identity.ts';
import { encodePacket, ResponseCode } from '../portal/packets/packets.ts';

const { ACCEPTED, INVALID_IDENTITY, REJECTED } = ResponseCode;

test('a connection carries bytes both ways and half-close, and the count returns to zero', async (t) => {
  const bench = await startRelay(t);
  const { atApp, atClient, client, app } = await bench.joined();
  atClient.write(Buffer.from('question'));
  assert.equal((await atApp.read(8)).toString(), 'question');
  atClient.pipe.end();
  assert.equal((await atApp.finished()).length, 0);
  atApp.write(Buffer.from('a late answer'));
  assert.equal((await atClient.read(13)).toString(), 'a late answer');
  assert.equal(bench.relay.counts().forwards, 1);
  atApp.pipe.end();
  await atClient.finished();
  const event = await bench.event('forwarded');
  assert.deepEqual(
    { ...event, connection: 0 },
    {
      event: 'forwarded',
      connection: 0,
      leaseId: app.id,
      clientId: client.id,
      outcome: 'ended',
      bytesFromClient: 8,
      bytesFromApp: 13,
    },
  );
  assert.equal(bench.relay.counts().forwards, 0);
});

test("bytes sent right after the request follow its ACCEPTED to the app, and the app's first bytes reach the client", async (t) => {
  const bench = await startRelay(t);
  const [app, client] = [await bench.peer(), await bench.peer()];
  await app.register();
  const ahead = randomBytes(201);
  const atClient = await client.dial(app.id, ahead);
  const atApp = await app.accept();
  const request = await atApp.packet();
  assert.equal(request.type === 'connectionRequest' && request.leaseId, app.id);
  assert.deepEqual(request.type === 'connectionRequest' && request.clientIdentity?.id, client.id);
  atApp.write(encodePacket({ type: 'connectionResponse', code: ACCEPTED }), Buffer.from('server first'));
  atApp.pipe.end();
  assert.ok((await atApp.read(201)).equals(ahead));
  assert.equal(await atClient.code(), ACCEPTED);
  assert.equal((await atClient.finished()).toString(), 'server first');
});

test('forwards a rejection with the app’s own code, even 0; the stream ends and bytes sent early are dropped', async (t) => {
  const bench = await startRelay(t);
  const [app, client] = [await bench.peer(), await bench.peer()];
  await app.register();
  for (const code of [0, 2, 6, 77]) {
    const atClient = await client.dial(app.id, randomBytes(201));
    const atApp = await app.respond(code);
    assert.equal(await atClient.code(), code);
    assert.equal((await atClient.finished()).length, 0);
    assert.equal((await atApp.finished()).length, 0);
    atClient.pipe.end();
  }
  assert.equal(bench.relay.counts().forwards, 0);
});

test('an unknown lease, an expired one and one whose app is gone are INVALID_IDENTITY', async (t) => {
  let passedMs = 0;
  const clock = { monotonicMs: () => performance.now() + passedMs, wallMs: () => Date.now() + passedMs };
  const bench = await startRelay(t, {}, { clock });
  const [app, gone, client] = [await bench.peer(), await bench.peer(), await bench.peer()];
  await app.register();
  await gone.register();
  gone.close();
  await bench.event('lease_dropped');
  assert.equal(await (await client.dial(createCredential().id)).code(), INVALID_IDENTITY);
  assert.equal(await (await client.dial(gone.id)).code(), INVALID_IDENTITY);
  passedMs = 31_000;
  assert.equal(await (await client.dial(app.id)).code(), INVALID_IDENTITY);
});

test('a request over the limit of a lease is REJECTED, and an ended connection frees its slot', async (t) => {
  const bench = await startRelay(t, { forwardsPerLease: 1 });
  const { atApp, atClient, client, app } = await bench.joined();
  assert.equal(await (await client.dial(app.id)).code(), REJECTED);
  atClient.pipe.end();
  atApp.pipe.end();
  await bench.event('forwarded');
  const again = await client.dial(app.id);
  await app.respond(ACCEPTED);
  assert.equal(await again.code(), ACCEPTED);
});

test('forwards a reset in either direction', async (t) => {
  const bench = await startRelay(t);
  const one = await bench.joined();
  one.atClient.pipe.reset();
  assert.equal((await one.atApp.failure()).code, 'stream_reset');
  const two = await one.client.dial(one.app.id);
  const atApp = await one.app.respond(ACCEPTED);
  await two.packet();
  atApp.pipe.reset();
  assert.equal((await two.failure()).code, 'stream_reset');
  await bench.event('forwarded');
  assert.equal(bench.relay.counts().forwards, 0);
});

test('losing a connection resets the streams forwarded over it on the other side', async (t) => {
  const bench = await startRelay(t);
  const one = await bench.joined();
  one.client.close();
  assert.equal((await one.atApp.failure()).code, 'stream_reset');
  const client = await bench.peer();
  const atClient = await client.dial(one.app.id);
  await one.app.respond(ACCEPTED);
  await atClient.packet();
  one.app.close();
  assert.equal((await atClient.failure()).code, 'stream_reset');
});

test('a client that leaves before the app responds also ends its stream at the app', async (t) => {
  const bench = await startRelay(t);
  const [app, client] = [await bench.peer(), await bench.peer()];
  await app.register();
  const atClient = await client.dial(app.id);
  const atApp = await app.accept();
  await atApp.packet();
  atClient.pipe.reset();
  assert.equal((await atApp.failure()).code, 'stream_reset');
  assert.equal(bench.relay.counts().forwards, 0);
});

test('a reader that stops blocks the sender within the windows, and nothing is lost', async (t) => {
  const bench = await startRelay(t);
  const { atApp, atClient } = await bench.joined();
  atClient.pause();
  const before = atClient.totalBytes;
  const chunk = randomBytes(65_536);
  const total = 8 * 1_048_576;
  let sentBytes = 0;
  const sending = (async () => {
    for (; sentBytes < total; sentBytes += chunk.length) await atApp.pump(chunk);
    atApp.pipe.end();
  })();
  // The client’s window is nearly full; wait for the bytes that the relay would still take.
  await atClient.read(262_000);
  for (let round = 0; round < 200; round += 1) await new Promise((resolve) => setImmediate(resolve));
  assert.ok(sentBytes < 2 * 1_048_576, `${sentBytes} bytes were accepted from the app for a client that reads nothing`);
  atClient.resume();
  await sending;
  await atClient.finished();
  assert.equal(atClient.totalBytes - before, total);
});

test('64 concurrent connections carry their own bytes, checked end to end', async (t) => {
  const bench = await startRelay(t);
  const [app, client] = [await bench.peer(), await bench.peer()];
  await app.register();
  const serve = (async () => {
    for (let i = 0; i < 64; i += 1) {
      const stream = await app.respond(ACCEPTED);
      void (async () => {
        for (let sent = 0; sent < 200_000;) {
          const piece = await stream.read(4_000);
          sent += piece.length;
          await stream.pump(piece);
        }
        stream.pipe.end();
      })();
    }
  })();
  await Promise.all(
    Array.from({ length: 64 }, async (_, i) => {
      const stream = await client.dial(app.id);
      assert.equal(await stream.code(), ACCEPTED);
      const body = Buffer.alloc(200_000, i);
      for (let at = 0; at < body.length; at += 10_000) await stream.pump(body.subarray(at, at + 10_000));
      assert.ok((await stream.read(body.length)).equals(body));
      stream.pipe.end();
      await stream.finished();
    }),
  );
  await serve;
});
