// Input of a hostile peer: each attempt ends in a typed error or has no effect, within bounded
// memory.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { dataFrame, flags, parseFrames, rawFrame, types } from '../../../test/helpers/mux-frames.ts';
import { MuxPeer } from '../../../test/helpers/mux-peer.ts';
import type { PipeRecorder } from '../../../test/helpers/mux-recorder.ts';
import { payload, type Transcript } from '../../../test/helpers/mux-replay.ts';
import { settle } from '../../../test/helpers/mux-scripted-carrier.ts';
import { PortalError } from '../errors.ts';
import { maxQueuedControlFrames } from './outbox.ts';

const { syn, ack, fin, rst } = flags;
const { data, windowUpdate, ping, goAway } = types;
const window = 262_144;

function repeated(count: number, frame: (index: number) => Buffer): Buffer {
  return Buffer.concat(Array.from({ length: count }, (_, index) => frame(index)));
}

for (const tolerance of ['tolerant', 'strict'] as const) {
  test(`100,000 SYNs never accepted: 256 wait, the others get RST (${tolerance})`, async () => {
    const peer = new MuxPeer({ tolerance });
    peer.carrier.feed(repeated(100_000, (index) => rawFrame(windowUpdate, syn, 2 * index + 1, 0)));
    assert.equal(peer.mux.streamCount, 256);
    assert.equal(peer.offered.length, 256);
    await settle();
    const sent = parseFrames(peer.carrier.take());
    assert.equal(sent.length, 100_000 - 256);
    assert.ok(sent.every((frame) => frame.flags === rst));
    assert.equal(peer.mux.state, 'open');
  });

  test(`100,000 SYNs accepted at once: no more than the limit are open (${tolerance})`, () => {
    const peer = new MuxPeer({ tolerance, maxInboundStreams: 1_000 });
    for (let index = 0; index < 100_000; index += 1) {
      peer.feed(windowUpdate, syn, 2 * index + 1, 0);
      if (peer.offered.length > 0) peer.accept();
    }
    assert.equal(peer.mux.streamCount, 1_000);
  });

  for (const [what, flood] of [
    ['pings', repeated(70_000, (index) => rawFrame(ping, syn, 0, index))],
    ['SYNs', repeated(70_000, (index) => rawFrame(windowUpdate, syn, 2 * index + 1, 0))],
  ] as const)
    test(`a flood of ${what} by a peer that does not read the responses ends the session (${tolerance})`, async () => {
      const peer = new MuxPeer({ tolerance });
      peer.carrier.block();
      peer.feed(ping, syn, 0, 0);
      await settle();
      peer.carrier.feed(flood);
      assert.equal(peer.closings[0]?.code, 'session_protocol');
      assert.ok(peer.carrier.closed);
      assert.ok(peer.carrier.sentBytes <= 12 * (maxQueuedControlFrames + 1));
      await settle();
    });

  test(`answers a flood of pings by a peer that reads (${tolerance})`, async () => {
    const peer = new MuxPeer({ tolerance });
    peer.carrier.feed(repeated(200_000, (index) => rawFrame(ping, syn, 0, index)));
    await settle();
    assert.equal(parseFrames(peer.carrier.take()).length, 200_000);
    assert.equal(peer.mux.state, 'open');
  });

  test(`rejects a Data frame of 4 GiB by its header (${tolerance})`, () => {
    const peer = new MuxPeer({ tolerance });
    peer.feed(windowUpdate, syn, 1, 0);
    const recorder = peer.accept();
    peer.feed(data, 0, 1, 0xffff_ffff);
    assert.equal(recorder.failure?.code, 'session_protocol');
    assert.deepEqual(
      peer.closings.map((error) => error?.code),
      ['session_protocol'],
    );
    const farewell = parseFrames(peer.carrier.take()).at(-1);
    assert.deepEqual([farewell?.type, farewell?.length], [goAway, 1]);
    peer.carrier.feed(Buffer.alloc(65_536));
    assert.equal(recorder.totalBytes, 0);
  });

  test(`rejects SYN with a 4 GiB body, and a window filled before the accept (${tolerance})`, () => {
    const atOnce = new MuxPeer({ tolerance });
    atOnce.feed(data, syn, 1, 0xffff_ffff);
    assert.equal(atOnce.closings[0]?.code, 'session_protocol');
    const surplus = new MuxPeer({ tolerance, receiveWindowBytes: 16_777_216 });
    surplus.feed(windowUpdate, syn, 1, 0);
    surplus.feed(data, 0, 1, window, Buffer.alloc(window));
    assert.equal(surplus.mux.state, 'open');
    surplus.feed(data, 0, 1, 1, Buffer.alloc(1));
    assert.equal(surplus.closings[0]?.code, 'session_protocol');
  });

  test(`an unaccepted stream filled byte by byte keeps its bytes, not the chunks they arrived in (${tolerance})`, () => {
    const peer = new MuxPeer({ tolerance });
    peer.feed(windowUpdate, syn, 1, 0);
    const chunk = repeated(5_000, () => dataFrame(1, 'x'));
    for (let sent = 0; sent + 5_000 <= window; sent += 5_000) peer.carrier.feed(Buffer.from(chunk));
    const pieces: Buffer[] = [];
    const rest = { end: assert.fail, drain: assert.fail, error: assert.fail };
    peer.offered[0]?.setHandler({ ...rest, data: (piece) => pieces.push(piece) });
    assert.ok(Buffer.concat(pieces).equals(Buffer.alloc(260_000, 'x')));
    assert.equal(pieces.length, Math.ceil(260_000 / 4_096));
  });

  test(`a repeated SYN and a second FIN are violations (${tolerance})`, () => {
    const twice = new MuxPeer({ tolerance });
    twice.feed(windowUpdate, syn, 1, 0);
    twice.feed(windowUpdate, syn, 1, 0);
    assert.equal(twice.closings[0]?.code, 'session_protocol');
    const fins = new MuxPeer({ tolerance });
    fins.feed(windowUpdate, syn | fin, 1, 0);
    fins.feed(data, fin, 1, 3, Buffer.from('abc'));
    assert.equal(fins.closings[0]?.code, 'session_protocol');
  });

  test(`repeated window updates overflow nothing (${tolerance})`, async () => {
    const peer = new MuxPeer({ tolerance, role: 'client' });
    const recorder = await peer.open();
    await peer.sent();
    for (let round = 0; round < 3; round += 1) peer.feed(windowUpdate, 0, 1, 0xffff_ffff);
    if (tolerance === 'strict') {
      assert.equal(peer.closings[0]?.code, 'session_protocol');
      return;
    }
    recorder.pipe.write([Buffer.alloc(300_000)]);
    await settle();
    const sent = parseFrames(peer.carrier.take());
    assert.equal(
      sent.reduce((sum, frame) => sum + frame.length, 0),
      300_000,
    );
  });

  test(`100,000 streams opened and reset one after the other leave nothing behind (${tolerance})`, async () => {
    const peer = new MuxPeer({ tolerance });
    for (let index = 0; index < 100_000; index += 1) {
      const id = 2 * index + 1;
      peer.carrier.feed(Buffer.concat([rawFrame(windowUpdate, syn, id, 0), rawFrame(windowUpdate, rst, id, 0)]));
      peer.offered.length = 0;
    }
    assert.equal(peer.mux.streamCount, 0);
    peer.feed(windowUpdate, syn, 200_001, 0);
    assert.equal(peer.offered.length, 1, 'the backlog is free again');
    await settle();
  });
}

test('a peer that never ACKs limits us to 256 streams, and waiting for more can be aborted', async () => {
  const peer = new MuxPeer({ role: 'client' });
  for (let index = 0; index < 256; index += 1) await peer.mux.open();
  const controller = new AbortController();
  const waiting = Promise.allSettled(Array.from({ length: 1_000 }, () => peer.mux.open(controller.signal)));
  controller.abort();
  assert.ok((await waiting).every((result) => result.status === 'rejected'));
  assert.equal(peer.mux.streamCount, 256);
});

test('a strict session reports violations by a client', () => {
  const attempts: [string, Buffer][] = [
    ['an id with our parity', rawFrame(windowUpdate, syn, 2, 0)],
    ['id 0', rawFrame(windowUpdate, syn, 0, 0)],
    ['an id far ahead', rawFrame(windowUpdate, syn, 0xffff_ffff, 0)],
    ['data for an unknown stream', dataFrame(9, 'who')],
    ['RST for an unknown stream of ours', rawFrame(windowUpdate, rst, 4, 0)],
    ['data after FIN', Buffer.concat([rawFrame(windowUpdate, syn | fin, 1, 0), dataFrame(1, 'more')])],
    ['an id used before', Buffer.concat([syn, rst, syn].map((bits) => rawFrame(windowUpdate, bits, 1, 0)))],
  ];
  for (const [what, bytes] of attempts) {
    const peer = new MuxPeer({ tolerance: 'strict' });
    peer.carrier.feed(bytes);
    assert.equal(peer.closings[0]?.code, 'session_protocol', what);
  }
});

test('a strict session accepts SYNs out of order, and late frames of closed streams', async () => {
  const peer = new MuxPeer({ tolerance: 'strict' });
  const ours = await peer.mux.open();
  ours.reset();
  for (const id of [3, 1, 7, 5]) peer.feed(windowUpdate, syn, id, 0);
  assert.equal(peer.offered.length, 4);
  for (const pipe of peer.offered) pipe.reset();
  for (const id of [1, 3, 5, 7, 2])
    peer.carrier.feed(Buffer.concat([dataFrame(id, 'late'), rawFrame(windowUpdate, fin, id, 9)]));
  assert.equal(peer.mux.state, 'open');
});

// --- mutations

/** xorshift32: the same mutations on every machine. */
function randomSource(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

/** Valid byte streams towards a server: recorded ones, and one with frames of every kind. */
function validStreams(): Buffer[] {
  const { transcripts } = JSON.parse(
    readFileSync(new URL('../../../test/vectors/yamux.json', import.meta.url), 'utf8'),
  ) as { transcripts: readonly Transcript[] };
  const recorded = transcripts.map((transcript) =>
    Buffer.concat(
      transcript.steps.filter((step) => step.from === 'client' && (step.payloadLen ?? 0) < 10_000).map(payload),
    ),
  );
  const everything = Buffer.concat([
    rawFrame(windowUpdate, syn, 1, 16_515_072),
    dataFrame(1, 'request'),
    rawFrame(ping, syn, 0, 1),
    dataFrame(3, 'with a first body', syn),
    rawFrame(windowUpdate, 0, 1, 70_000),
    dataFrame(1, Buffer.alloc(500, 'b')),
    rawFrame(windowUpdate, ack, 2, 0),
    dataFrame(2, 'for the stream that was opened here'),
    rawFrame(windowUpdate, rst, 3, 0),
    dataFrame(1, 'end', fin),
    rawFrame(ping, ack, 0, 0),
    rawFrame(goAway, 0, 0, 0),
  ]);
  return [...recorded.filter((bytes) => bytes.length > 0 && bytes.length < 4_000), everything];
}

function mutate(bytes: Buffer, random: (below: number) => number): Buffer {
  let mutated = Buffer.from(bytes);
  for (let count = 1 + random(4); count > 0; count -= 1) {
    const at = random(mutated.length);
    switch (random(6)) {
      case 0:
        mutated[at] = random(256);
        break;
      case 1:
        mutated[at] = (mutated[at] ?? 0) ^ (1 << random(8));
        break;
      case 2:
        mutated = Buffer.concat([mutated.subarray(0, at), mutated.subarray(at + 1 + random(16))]);
        break;
      case 3:
        mutated = Buffer.concat([mutated.subarray(0, at), mutated.subarray(random(at + 1))]);
        break;
      case 4:
        // Changes the flags of a header, at likely positions of headers.
        mutated[Math.min(mutated.length - 1, at - (at % 12) + 3)] = random(16);
        break;
      default:
        mutated = Buffer.concat([mutated.subarray(0, at), rawFrame(random(5), random(16), random(8), random(400_000))]);
    }
    if (mutated.length === 0) return Buffer.from(bytes);
  }
  return mutated;
}

test('100,000 mutated inputs give a typed error or an open session, with no more than the windows in memory', async () => {
  const random = randomSource(0x5eed_1234);
  const streams = validStreams();
  const ends = new Map<string, number>();
  for (let round = 0; round < 100_000; round += 1) {
    const input = mutate(streams[random(streams.length)] ?? Buffer.alloc(12), random);
    const recorders: PipeRecorder[] = [];
    const peer = new MuxPeer({ tolerance: random(2) === 0 ? 'tolerant' : 'strict' });
    if (random(2) === 0) recorders.push(await peer.open());
    const cut = random(input.length + 1);
    peer.carrier.feed(input.subarray(0, cut));
    while (peer.offered.length > 0) recorders.push(peer.accept(random(2) === 0 ? 'greedy' : 'by hand'));
    for (const { pipe } of recorders) if (random(3) === 0) pipe.write([input]);
    peer.carrier.feed(input.subarray(cut));
    for (const { pipe } of recorders) {
      if (random(3) === 0) pipe.end();
      if (random(3) === 0) pipe.reset();
    }
    const [error] = peer.closings;
    if (peer.mux.state === 'closed') assert.ok(error instanceof PortalError && peer.carrier.closed);
    else assert.equal(peer.closings.length, 0);
    for (const recorder of recorders) assert.ok(recorder.unreadBytes <= window);
    const end = peer.mux.state === 'closed' ? (error?.code ?? 'none') : 'open';
    ends.set(end, (ends.get(end) ?? 0) + 1);
    peer.mux.close();
    if (round % 1_000 === 0) await settle();
  }
  assert.deepEqual([...ends.keys()].sort(), ['open', 'session_protocol', 'session_remote_error']);
  assert.ok(
    [...ends.values()].every((count) => count > 500),
    JSON.stringify([...ends]),
  );
});
