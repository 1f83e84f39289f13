import assert from 'node:assert/strict';
import { test } from 'node:test';
import { dataFrame, flags, parseFrames, rawFrame, types } from '../../../test/helpers/mux-frames.ts';
import { codeOf, MuxPeer } from '../../../test/helpers/mux-peer.ts';
import { PipeRecorder } from '../../../test/helpers/mux-recorder.ts';
import { settle } from '../../../test/helpers/mux-scripted-carrier.ts';
import { PortalError } from '../errors.ts';

const { syn, ack, fin, rst } = flags;
const { data, windowUpdate, ping, goAway } = types;

test('a stream of the peer is accepted on first use, which grants its window', async () => {
  const peer = new MuxPeer({ receiveWindowBytes: 1_048_576 });
  for (const id of [1, 3, 5, 7]) peer.feed(windowUpdate, syn, id, 0);
  peer.feed(data, 0, 1, 5, Buffer.from('early'));
  assert.deepEqual(await peer.sent(), []);
  const [byHandler, byWrite, byEnd, refused] = peer.offered;
  assert.ok(byHandler && byWrite && byEnd && refused);
  byWrite.write([Buffer.from('hi')]);
  byEnd.end();
  refused.reset();
  const recorder = new PipeRecorder(byHandler, 'greedy');
  assert.equal(recorder.read().toString(), 'early');
  assert.deepEqual(await peer.sent(), [
    ...['WindowUpdate ACK 3 786432', 'WindowUpdate ACK 5 786432', 'WindowUpdate FIN 5 0', 'WindowUpdate RST 7 0'],
    ...['WindowUpdate ACK 1 786432', 'Data - 3 2'],
  ]);
});

test('data that arrives before a handler waits for it, in order, and a replacement gets the rest', async () => {
  const peer = new MuxPeer();
  peer.feed(windowUpdate, syn, 1, 0);
  peer.carrier.feed(
    Buffer.concat([dataFrame(1, Buffer.alloc(5_000, 'a')), dataFrame(1, 'second'), rawFrame(windowUpdate, fin, 1, 0)]),
  );
  const [pipe] = peer.offered;
  assert.ok(pipe);
  const seen: string[] = [];
  const second = { data: (chunk: Buffer) => seen.push(`2:${chunk.length}`), end: () => seen.push('2:end') };
  const rest = { drain: () => undefined, error: () => undefined };
  pipe.setHandler({
    ...rest,
    data: (chunk) => {
      seen.push(`1:${chunk.length}`);
      pipe.setHandler({ ...rest, ...second });
    },
    end: () => seen.push('1:end'),
  });
  assert.deepEqual(seen, ['1:5000', '2:6', '2:end']);
  await settle();
});

test('a stream reset before it had a handler reports the reset, and unread data is lost', () => {
  const peer = new MuxPeer();
  peer.feed(windowUpdate, syn, 1, 0);
  peer.feed(data, 0, 1, 4, Buffer.from('lost'));
  peer.feed(windowUpdate, rst, 1, 0);
  assert.equal(peer.mux.streamCount, 0);
  const recorder = peer.accept();
  assert.equal(recorder.totalBytes, 0);
  assert.equal(recorder.failure?.code, 'stream_reset');
});

test('reset() releases the queue and the slot at once, and late frames are dropped', async () => {
  const peer = new MuxPeer({ role: 'client', maxUnackedOpens: 1 });
  const recorder = await peer.open();
  recorder.pipe.write([Buffer.alloc(300_000)]);
  await peer.sent();
  const waiting = peer.mux.open();
  recorder.pipe.reset();
  recorder.pipe.reset();
  assert.equal(recorder.pipe.queuedBytes, 0);
  assert.equal((await waiting).id, 3);
  assert.deepEqual(await peer.sent(), ['WindowUpdate RST 1 0', 'WindowUpdate SYN 3 0']);
  peer.feed(windowUpdate, ack, 1, 500);
  peer.feed(data, 0, 1, 4, Buffer.from('late'));
  peer.feed(windowUpdate, fin, 1, 0);
  assert.equal(recorder.totalBytes, 0);
  assert.equal(recorder.failure, undefined);
  assert.ok(recorder.pipe.write([Buffer.from('ignored')]));
  recorder.pipe.end();
  recorder.pipe.consumed(10);
  assert.deepEqual(await peer.sent(), []);
});

test('the 257th open waits for a slot; an ACK, a reset or the end of both sides frees one', async () => {
  const peer = new MuxPeer({ role: 'client' });
  const streams = await Promise.all(Array.from({ length: 256 }, () => peer.open()));
  const waiting = [peer.mux.open(), peer.mux.open(), peer.mux.open()];
  let opened = 0;
  for (const open of waiting) void open.then(() => (opened += 1));
  await settle();
  assert.equal(opened, 0);
  peer.feed(windowUpdate, ack, 7, 0);
  await settle();
  assert.equal(opened, 1);
  peer.feed(windowUpdate, rst, 9, 0);
  await settle();
  assert.equal(opened, 2);
  streams[5]?.pipe.end();
  peer.feed(windowUpdate, fin, 11, 0);
  await settle();
  assert.equal(opened, 3);
});

test('a waiting open can be aborted, and the queue of waiting opens is limited', async () => {
  const peer = new MuxPeer({ role: 'client', maxUnackedOpens: 1 });
  await peer.mux.open();
  assert.equal(await codeOf(peer.mux.open(AbortSignal.abort())), 'dial_aborted');
  const controller = new AbortController();
  const waiting = peer.mux.open(controller.signal);
  controller.abort();
  assert.equal(await codeOf(waiting), 'dial_aborted');
  const others = Array.from({ length: 4_096 }, () => codeOf(peer.mux.open()));
  assert.equal(await codeOf(peer.mux.open()), 'too_many_streams');
  peer.feed(windowUpdate, ack, 1, 0);
  peer.mux.close();
  const codes = await Promise.all(others);
  assert.equal(codes.filter((code) => code === 'no error').length, 1);
  assert.equal(codes.filter((code) => code === 'session_closed').length, 4_095);
});

test('rejects streams of the peer over the limit, even if each is accepted at once', async () => {
  const peer = new MuxPeer({ maxInboundStreams: 2 });
  for (const id of [1, 3, 5]) {
    peer.feed(windowUpdate, syn, id, 0);
    if (peer.offered.length > 0) peer.accept();
  }
  assert.deepEqual(await peer.sent(), ['WindowUpdate ACK 1 0', 'WindowUpdate ACK 3 0', 'WindowUpdate RST 5 0']);
  peer.feed(windowUpdate, rst, 1, 0);
  peer.feed(windowUpdate, syn, 7, 0);
  assert.equal(peer.offered.length, 1);
});

test('GoAway of the peer: no new streams, waiting ones fail, open ones continue', async () => {
  const peer = new MuxPeer({ role: 'client', maxUnackedOpens: 1 });
  const recorder = await peer.open();
  const waiting = codeOf(peer.mux.open());
  peer.feed(goAway, 0, 0, 0);
  assert.equal(peer.goAways, 1);
  assert.equal(peer.mux.state, 'draining');
  assert.equal(await waiting, 'session_goaway');
  assert.equal(await codeOf(peer.mux.open()), 'session_goaway');
  peer.feed(data, ack, 1, 5, Buffer.from('still'));
  assert.equal(recorder.read().toString(), 'still');
});

test('close() notifies every pipe, rejects waiting calls, and runs once', async () => {
  const peer = new MuxPeer({ role: 'client', maxUnackedOpens: 1 });
  const recorder = await peer.open();
  const [open, pinged] = [codeOf(peer.mux.open()), codeOf(peer.mux.ping())];
  recorder.pipe.write([Buffer.from('last words')]);
  recorder.pipe.end();
  peer.mux.close();
  peer.mux.close();
  assert.deepEqual(
    parseFrames(peer.carrier.take()).map((frame) => frame.type),
    [windowUpdate, ping, data, windowUpdate],
  );
  assert.equal(recorder.failure?.code, 'session_closed');
  assert.deepEqual([await open, await pinged], ['session_closed', 'session_closed']);
  assert.equal(await codeOf(peer.mux.open()), 'session_closed');
  assert.equal(await codeOf(peer.mux.ping()), 'session_closed');
  assert.ok(peer.carrier.closed);
  assert.equal(peer.mux.state, 'closed');
  assert.equal(peer.mux.streamCount, 0);
  assert.deepEqual(peer.closings, [], 'close() is not reported to its caller');
  peer.mux.goAway();
  recorder.pipe.reset();
  assert.deepEqual(await peer.sent(), []);
});

test('a carrier that ends also ends the session', async () => {
  const orderly = new MuxPeer({ role: 'client' });
  const recorder = await orderly.open();
  orderly.carrier.endByPeer();
  assert.equal(recorder.failure?.code, 'carrier_closed');
  assert.deepEqual(orderly.closings, [undefined]);
  const broken = new MuxPeer({ role: 'client' });
  const error = new PortalError('carrier_closed', 'code 1006');
  broken.carrier.endByPeer(error);
  assert.deepEqual(broken.closings, [error]);
  assert.equal(await codeOf(broken.mux.open()), 'carrier_closed');
});

test('data received before the session died can still be read by a late handler', () => {
  const peer = new MuxPeer();
  peer.feed(windowUpdate, syn, 1, 0);
  peer.feed(data, 0, 1, 5, Buffer.from('whole'));
  peer.carrier.endByPeer();
  const recorder = peer.accept();
  assert.equal(recorder.read().toString(), 'whole');
  assert.equal(recorder.failure?.code, 'carrier_closed');
});

test('a handler may close the session within any call: nothing else from the chunk is delivered', async () => {
  const peer = new MuxPeer({ role: 'client' });
  const pipe = await peer.mux.open();
  const seen: string[] = [];
  pipe.setHandler({
    data: (chunk) => {
      seen.push(chunk.toString());
      peer.mux.close();
    },
    end: () => seen.push('end'),
    drain: () => seen.push('drain'),
    error: (error) => seen.push(error.code),
  });
  peer.carrier.feed(Buffer.concat([dataFrame(1, 'first'), dataFrame(1, 'second', fin), rawFrame(ping, syn, 0, 1)]));
  assert.deepEqual(seen, ['first', 'session_closed']);
});

test('grants the window again at half, never more than was consumed, and not after the peer’s end', async () => {
  const peer = new MuxPeer();
  peer.feed(windowUpdate, syn, 1, 0);
  const recorder = peer.accept('by hand');
  await peer.sent();
  peer.feed(data, 0, 1, 200_000, Buffer.alloc(200_000));
  recorder.pipe.consumed(131_071);
  assert.deepEqual(await peer.sent(), []);
  recorder.pipe.consumed(1_000_000);
  assert.deepEqual(await peer.sent(), ['WindowUpdate - 1 200000']);
  recorder.pipe.consumed(1_000_000);
  peer.feed(data, fin, 1, 200_000, Buffer.alloc(200_000));
  recorder.pipe.consumed(200_000);
  assert.deepEqual(await peer.sent(), []);
  assert.ok(recorder.ended);
});

test('FIN with data ends the stream after the data', () => {
  const peer = new MuxPeer();
  peer.feed(windowUpdate, syn, 1, 0);
  const recorder = peer.accept();
  peer.carrier.feed(dataFrame(1, 'last', fin).subarray(0, 14));
  assert.ok(!recorder.ended);
  peer.carrier.feed(Buffer.from('st'));
  assert.equal(recorder.read().toString(), 'last');
  assert.ok(recorder.ended);
});

test('rejects options that make no sense', () => {
  for (const receiveWindowBytes of [0, 262_143, 16_777_217, 300_000.5, Number.NaN])
    assert.throws(() => new MuxPeer({ receiveWindowBytes }), RangeError);
  assert.throws(() => new MuxPeer({ acceptBacklog: 0 }), RangeError);
});

test('skips an id that a tolerated peer has used for itself', async () => {
  const peer = new MuxPeer({ role: 'client' });
  assert.equal((await peer.mux.open()).id, 1);
  peer.feed(windowUpdate, syn, 3, 0);
  peer.accept();
  assert.equal((await peer.mux.open()).id, 5);
});
