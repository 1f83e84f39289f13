// Peers of our relay that are slow, greedy or do not read: each is held to its limit, and other
// peers are not affected.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect as connectTcp } from 'node:net';
import { memoryUsage } from 'node:process';
import { test } from 'node:test';
import { WebSocket } from 'ws';
import { createCredential } from '../../src/portal/identity.ts';
import { encodePacket, ResponseCode } from '../../src/portal/packets/packets.ts';
import { dataFrame, rawFrame } from '../helpers/mux-frames.ts';
import { startRelay, type RelayBench } from '../helpers/relay-bench.ts';
import type { RelayPeer } from '../helpers/relay-peer.ts';

const { ACCEPTED, REJECTED } = ResponseCode;

async function rawWebSocket(bench: RelayBench): Promise<WebSocket> {
  const ws = new WebSocket(bench.url, { perMessageDeflate: false });
  ws.on('error', () => undefined);
  await once(ws, 'open');
  return ws;
}

test('a stream without a request, and one with half a request, are ended, then reset', async (t) => {
  const bench = await startRelay(t, { requestTimeoutMs: 30, lingerMs: 30 });
  const peer = await bench.peer();
  const streams = [
    (await peer.open()).write(Buffer.alloc(0)),
    (await peer.open()).write(Buffer.from([0, 0])),
    (await peer.open()).write(Buffer.from([0, 0, 1, 0, 8])),
  ];
  for (const stream of streams) assert.equal((await stream.finished()).length, 0);
  await bench.event('stream_refused', ({ reason }) => reason === 'timeout');
  // The peer never ends its side.
  while (peer.mux.streamCount > 0) await new Promise((resolve) => setImmediate(resolve));
  await bench.assertServing();
});

test('closes a socket without a request and a request sent slowly', async (t) => {
  const bench = await startRelay(t, { upgradeTimeoutMs: 50 });
  const socket = connectTcp(bench.port, '127.0.0.1');
  socket.write('GET /relay HTTP/1.1\r\nHost: x\r\n');
  socket.resume();
  await once(socket, 'close');
  await bench.assertServing();
});

test('anything but valid websocket and yamux frames ends only that connection', async (t) => {
  const bench = await startRelay(t, { messageBytes: 1_000_000 });
  for (const message of [
    randomBytes(1_000).fill(0xff, 0, 12),
    rawFrame(0, 0, 1, 5), // data for a stream that never was
    Buffer.concat([rawFrame(1, 1, 1, 0), rawFrame(0, 0, 1, 300_000)]), // over the window
    Buffer.concat([rawFrame(1, 1, 1, 0), rawFrame(1, 1, 1, 0)]), // a second SYN
    rawFrame(1, 1, 2, 0), // the relay's own parity
  ]) {
    const ws = await rawWebSocket(bench);
    ws.send(message);
    await once(ws, 'close');
  }
  const masked = await rawWebSocket(bench);
  const { _socket: socket } = masked as unknown as { _socket: NodeJS.WritableStream };
  socket.write(Buffer.from([0xff, 0xff, 0, 0, 0]));
  await once(masked, 'close');
  const long = await rawWebSocket(bench);
  long.send(Buffer.alloc(1_000_001));
  assert.equal((await once(long, 'close'))[0], 1009); // message too big
  await bench.event('disconnected', ({ reason }) => reason.startsWith('session_protocol'));
  await bench.event('disconnected', ({ reason }) => reason.startsWith('carrier_closed'));
  await bench.assertServing();
});

test('text messages carry the protocol as well', async (t) => {
  const bench = await startRelay(t);
  const ws = await rawWebSocket(bench);
  const request = encodePacket({ type: 'relayInfoRequest' });
  const bytes = Buffer.concat([rawFrame(1, 1, 1, 0), dataFrame(1, request)]);
  for (const byte of bytes) ws.send(Buffer.from([byte]), { binary: false });
  const [response] = (await once(ws, 'message')) as [Buffer];
  assert.ok(response.length >= 12);
  ws.terminate();
});

test('100,000 streams of one peer: those over the limits are reset, and the rest of the relay is unaffected', async (t) => {
  const bench = await startRelay(t, { controlStreamsPerConnection: 100, streamsPerConnection: 200 });
  const ws = await rawWebSocket(bench);
  let resets = 0;
  const done = Promise.withResolvers<undefined>();
  ws.on('message', (data: Buffer) => {
    for (let at = 0; at + 12 <= data.length; at += 12) if ((data.readUInt16BE(at + 2) & 8) !== 0) resets += 1;
    if (resets >= 99_900) done.resolve(undefined);
  });
  for (let batch = 0; batch < 100; batch += 1) {
    const frames = Array.from({ length: 1_000 }, (_, i) => rawFrame(1, 1, 1 + 2 * (batch * 1_000 + i), 0));
    ws.send(Buffer.concat(frames));
  }
  await done.promise;
  await bench.assertServing();
  ws.terminate();
});

test('limits incomplete requests to the budget of a connection', async (t) => {
  const bench = await startRelay(t, { controlBytesPerConnection: 1_000_000 });
  const peer = await bench.peer();
  const half = Buffer.alloc(200_000);
  half.writeUInt32BE(400_000);
  const streams = await Promise.all(Array.from({ length: 20 }, async () => (await peer.open()).write(half)));
  // As many streams as the budget allows stay open, whichever they are.
  await new Promise<void>((resolve) => {
    let resets = 0;
    for (const stream of streams)
      void stream.failure().then(() => {
        resets += 1;
        if (resets === 15) resolve();
      });
  });
  streams.forEach((stream) => {
    stream.pipe.reset();
  });
  // The budget held by a stream is refunded when it ends.
  assert.equal(await peer.register({ metadata: 'x'.repeat(200_000) }), ACCEPTED);
  await bench.assertServing();
});

test('limits leases per connection and in total; every excess one is REJECTED', async (t) => {
  const bench = await startRelay(t, { leasesPerConnection: 20, leases: 30 });
  const [one, two] = [await bench.peer(), await bench.peer()];
  const register = (peer: RelayPeer): Promise<number> => peer.register({}, createCredential());
  const codes = await Promise.all(Array.from({ length: 100 }, () => register(one)));
  assert.equal(codes.filter((code) => code === ACCEPTED).length, 20);
  assert.equal(codes.filter((code) => code === REJECTED).length, 80);
  const more = await Promise.all(Array.from({ length: 20 }, () => register(two)));
  assert.equal(more.filter((code) => code === ACCEPTED).length, 10);
  one.close();
  await bench.event('lease_dropped');
  assert.equal(await register(two), ACCEPTED);
});

test('a flood of connection requests to a frozen app: those over the limit are REJECTED at once', async (t) => {
  const bench = await startRelay(t, { requestsInFlightPerConnection: 10, appResponseTimeoutMs: 20_000 });
  const [app, client] = [await bench.peer(), await bench.peer()];
  await app.register();
  const dialled = await Promise.all(Array.from({ length: 100 }, () => client.dial(app.id, randomBytes(200))));
  const codes: number[] = [];
  await new Promise<void>((resolve) => {
    for (const stream of dialled) {
      void stream.code().then(
        (code) => {
          codes.push(code);
          if (codes.length === 90) resolve();
        },
        () => undefined,
      );
    }
  });
  assert.ok(codes.every((code) => code === REJECTED));
  await bench.assertServing();
});

test('a peer that requests and never reads can queue no more than the requests of one turn', async (t) => {
  const bench = await startRelay(t, { requestTimeoutMs: 300, lingerMs: 20 });
  const app = await bench.peer();
  assert.equal(await app.register({ metadata: 'x'.repeat(250_000) }), ACCEPTED);
  const deaf = await bench.peer();
  const stream = await deaf.open();
  stream.pause();
  const asked = 2_000;
  stream.write(Buffer.alloc(4 * asked));
  const before = memoryUsage().rss;
  await bench.event('stream_refused', ({ reason }) => reason === 'timeout');
  assert.ok(stream.totalBytes <= 262_144, 'one window and no more');
  assert.ok(memoryUsage().rss - before < 64 * 1_048_576);
  await bench.assertServing();
});

test('the keepalive closes a websocket that is never read, and its lease is dropped', async (t) => {
  const bench = await startRelay(t, {}, { keepalive: { intervalMs: 20, timeoutMs: 20 } });
  const app = await bench.peer();
  await app.register({ name: 'frozen' });
  const ws = await rawWebSocket(bench);
  const { _socket: socket } = ws as unknown as { _socket: { pause(): void; resume(): void } };
  socket.pause();
  await bench.event('disconnected', ({ reason }) => reason.startsWith('keepalive_timeout'));
  assert.equal((await app.leases()).length, 1, 'other connections stay open');
  ws.terminate();
});
