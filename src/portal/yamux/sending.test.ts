import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import { flags, types } from '../../../test/helpers/mux-frames.ts';
import { MuxPeer } from '../../../test/helpers/mux-peer.ts';
import { settle } from '../../../test/helpers/mux-scripted-carrier.ts';
import { streamHighWaterBytes } from './mux-stream.ts';

const { syn } = flags;
const { windowUpdate, ping } = types;
const window = 262_144;

test('all frames of one turn, of all streams, are sent together', async () => {
  const peer = new MuxPeer({ role: 'client' });
  const send = mock.method(peer.carrier, 'send');
  const streams = await Promise.all([peer.open(), peer.open(), peer.open()]);
  for (const { pipe } of streams) for (const text of ['a', 'b', 'c']) pipe.write([Buffer.from(text)]);
  streams[0].pipe.end();
  peer.feed(ping, syn, 0, 7);
  assert.deepEqual(await peer.sent(), [
    ...['WindowUpdate SYN 1 0', 'WindowUpdate SYN 3 0', 'WindowUpdate SYN 5 0', 'Ping ACK 0 7'],
    ...['Data - 1 3', 'WindowUpdate FIN 1 0', 'Data - 3 3', 'Data - 5 3'],
  ]);
  assert.equal(send.mock.callCount(), 1);
});

test('written pieces reach the carrier uncopied', async () => {
  const peer = new MuxPeer({ role: 'client' });
  const send = mock.method(peer.carrier, 'send');
  const { pipe } = await peer.open();
  const large = Buffer.alloc(100_000);
  const small = Buffer.from('small');
  pipe.write([large, small]);
  await settle();
  const pieces = send.mock.calls.flatMap((call) => call.arguments[0]);
  assert.ok(pieces.includes(small));
  assert.equal(
    pieces.filter((piece) => piece.buffer === large.buffer).reduce((sum, piece) => sum + piece.length, 0),
    100_000,
  );
});

test('a bulk stream does not block others: each gets turns of at most 64 KiB', async () => {
  const peer = new MuxPeer({ role: 'client' });
  const [bulk, small] = [await peer.open(), await peer.open()];
  bulk.pipe.write([Buffer.alloc(250_000)]);
  small.pipe.write([Buffer.from('hello')]);
  const sent = (await peer.sent()).filter((line) => line.startsWith('Data'));
  assert.deepEqual(sent.slice(0, 3), ['Data - 1 65536', 'Data - 3 5', 'Data - 1 65536']);
});

test('frames nothing while the carrier is full, and resumes on drain()', async () => {
  const peer = new MuxPeer({ role: 'client' });
  const { pipe } = await peer.open();
  await peer.sent();
  peer.carrier.block();
  pipe.write([Buffer.from('first')]);
  assert.deepEqual(await peer.sent(), ['Data - 1 5']);
  pipe.write([Buffer.from('second')]);
  assert.deepEqual(await peer.sent(), []);
  assert.equal(pipe.queuedBytes, 6);
  peer.carrier.unblock();
  assert.deepEqual(await peer.sent(), ['Data - 1 6']);
  assert.equal(pipe.queuedBytes, 0);
});

test('write() returns false at the high-water mark, and drain() is called once there is room', async () => {
  const peer = new MuxPeer({ role: 'client' });
  const recorder = await peer.open();
  const { pipe } = recorder;
  assert.ok(!pipe.write([Buffer.alloc(window)]));
  await peer.sent();
  assert.equal(recorder.drains, 1);
  // The window is used up, so further writes stay queued.
  assert.ok(pipe.write([Buffer.alloc(streamHighWaterBytes - 1)]));
  assert.ok(!pipe.write([Buffer.alloc(1)]));
  assert.deepEqual(await peer.sent(), []);
  peer.feed(windowUpdate, 0, 1, 100_000);
  await peer.sent();
  assert.equal(recorder.drains, 1);
  peer.feed(windowUpdate, 0, 1, 100_000);
  await peer.sent();
  assert.equal(recorder.drains, 2);
});

test('many streams together get a smaller high-water mark each', async () => {
  const peer = new MuxPeer({ role: 'client' });
  const streams = await Promise.all(Array.from({ length: 60 }, () => peer.open()));
  await peer.sent();
  peer.carrier.block();
  streams[0]?.pipe.write([Buffer.from('fills the carrier')]);
  await settle();
  let accepted = 0;
  for (const { pipe } of streams)
    for (let written = 0; written < window; written += 16_384) {
      accepted += 16_384;
      if (!pipe.write([Buffer.alloc(16_384)])) break;
    }
  assert.ok(accepted < 8_388_608 + 60 * 32_768, `${accepted} bytes`);
  peer.carrier.unblock();
  await settle(10);
  assert.ok(streams.slice(1).every((stream) => stream.pipe.queuedBytes === 0));
  assert.ok(streams.filter((stream) => stream.drains > 0).length > 20);
});
