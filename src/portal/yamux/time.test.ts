import assert from 'node:assert/strict';
import { mock, test, type TestContext } from 'node:test';
import { flags, types } from '../../../test/helpers/mux-frames.ts';
import { codeOf, MuxPeer } from '../../../test/helpers/mux-peer.ts';
import { settle } from '../../../test/helpers/mux-scripted-carrier.ts';
import type { Clock } from '../../kernel/clock.ts';

const { ack, fin } = flags;
const { data, windowUpdate, ping } = types;
const window = 262_144;

/** Time advances only when the test moves it. */
function mockedClock(context: TestContext): Clock {
  mock.timers.enable({ apis: ['setTimeout', 'Date'], now: 0 });
  context.after(() => {
    mock.timers.reset();
  });
  return { monotonicMs: () => Date.now(), wallMs: () => Date.now() };
}

test('ping: one at a time is in flight, and its response gives the round-trip time to all callers', async (context) => {
  const peer = new MuxPeer({ clock: mockedClock(context) });
  assert.equal(peer.mux.rttMs, undefined);
  const asked = [peer.mux.ping(), peer.mux.ping()];
  assert.deepEqual(await peer.sent(), ['Ping SYN 0 0']);
  mock.timers.tick(40);
  peer.feed(ping, ack, 0, 99);
  peer.feed(ping, ack, 0, 0);
  assert.deepEqual(await Promise.all(asked), [40, 40]);
  assert.equal(peer.mux.rttMs, 40);
  const pending = codeOf(peer.mux.ping());
  mock.timers.tick(10_000);
  assert.equal(await pending, 'keepalive_timeout');
  assert.equal(peer.mux.state, 'open', 'with keepalive off only the caller of ping() is notified');
});

test('keepalive: suspect past half its time, dead after it, alive as long as any bytes arrive', async (context) => {
  const clock = mockedClock(context);
  const peer = new MuxPeer({ role: 'client', keepalive: { intervalMs: 1_000, timeoutMs: 200 }, clock });
  const recorder = await peer.open();
  peer.feed(windowUpdate, ack, 1, 0);
  const waiting = codeOf(peer.mux.ping());
  peer.feed(ping, ack, 0, 0);
  assert.equal(await waiting, 'no error');
  mock.timers.tick(1_000);
  assert.deepEqual(await peer.sent(), ['WindowUpdate SYN 1 0', 'Ping SYN 0 0', 'Ping SYN 0 1']);
  mock.timers.tick(100);
  assert.ok(!peer.mux.suspect);
  mock.timers.tick(1);
  assert.ok(peer.mux.suspect);
  peer.feed(data, 0, 1, 4, Buffer.from('busy'));
  mock.timers.tick(99);
  assert.equal(peer.mux.state, 'open', 'its response may wait behind our own upload');
  assert.ok(peer.mux.suspect);
  mock.timers.tick(200);
  assert.equal(peer.mux.state, 'closed');
  assert.equal(peer.closings[0]?.code, 'keepalive_timeout');
  assert.equal(recorder.failure?.code, 'keepalive_timeout');
  assert.ok(peer.carrier.closed);
});

test('stops waiting for the ACK of a stream ended by either side or reset', async (context) => {
  const clock = mockedClock(context);
  const peer = new MuxPeer({ role: 'client', clock });
  const [ended, endedByPeer, aborted, acknowledged] = await Promise.all([
    peer.open(),
    peer.open(),
    peer.open(),
    peer.open(),
  ]);
  ended.pipe.end();
  peer.feed(windowUpdate, fin, endedByPeer.pipe.id, 0);
  aborted.pipe.reset();
  peer.feed(windowUpdate, ack, acknowledged.pipe.id, 0);
  mock.timers.tick(75_001);
  assert.equal(peer.mux.state, 'open');
  await peer.open();
  mock.timers.tick(74_999);
  assert.equal(peer.mux.state, 'open');
  mock.timers.tick(1);
  assert.equal(peer.closings[0]?.code, 'stream_open_timeout');
});

test('after our FIN a response may take as long as data arrives; silence for 300 s ends it', async (context) => {
  const clock = mockedClock(context);
  const peer = new MuxPeer({ role: 'client', clock });
  const recorder = await peer.open('by hand');
  recorder.pipe.end();
  peer.feed(windowUpdate, ack, 1, 0);
  await peer.sent();
  for (let minute = 0; minute < 20; minute += 1) {
    mock.timers.tick(60_000);
    peer.feed(data, 0, 1, 10, Buffer.alloc(10));
  }
  assert.equal(peer.mux.streamCount, 1);
  // The first check finds that bytes moved since the FIN, the second that none did.
  mock.timers.tick(300_000);
  assert.equal(peer.mux.streamCount, 1);
  mock.timers.tick(300_000);
  assert.equal(recorder.failure?.code, 'stream_aborted');
  assert.deepEqual(await peer.sent(), ['WindowUpdate RST 1 0']);
  assert.equal(peer.mux.streamCount, 0);
});

test('an end that cannot be sent, because the window stays closed, does not keep the stream forever', async (context) => {
  const clock = mockedClock(context);
  const peer = new MuxPeer({ role: 'client', clock });
  const recorder = await peer.open();
  peer.feed(windowUpdate, ack, 1, 0);
  recorder.pipe.write([Buffer.alloc(window + 1)]);
  recorder.pipe.end();
  await settle();
  peer.feed(windowUpdate, fin, 1, 0);
  // The first check finds that bytes moved since the FIN, the second that none did.
  mock.timers.tick(300_000);
  assert.equal(peer.mux.streamCount, 1);
  mock.timers.tick(300_000);
  assert.equal(recorder.failure?.code, 'stream_aborted');
  assert.equal(peer.mux.streamCount, 0);
  assert.equal(peer.mux.bufferedBytes, 0);
});
