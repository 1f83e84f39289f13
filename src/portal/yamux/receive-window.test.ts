import assert from 'node:assert/strict';
import { test } from 'node:test';
import { flags, types } from '../../../test/helpers/mux-frames.ts';
import { MuxPeer } from '../../../test/helpers/mux-peer.ts';
import type { Clock } from '../../kernel/clock.ts';
import { ReceiveWindow, WindowGrowth } from './receive-window.ts';

const kib = 1_024;
const initialBytes = 256 * kib;
const mostBytes = 1_024 * kib;

class Scene {
  nowMs = 1_000;
  rttMs: number | undefined = undefined;
  readonly #clock: Clock = { monotonicMs: () => this.nowMs, wallMs: () => 0 };
  readonly growth: WindowGrowth;

  constructor(maxReceiveWindowBytes = mostBytes) {
    const options = { receiveWindowBytes: initialBytes, maxReceiveWindowBytes, clock: this.#clock };
    this.growth = new WindowGrowth(options, () => this.rttMs);
  }

  window(): ReceiveWindow {
    const window = new ReceiveWindow(this.growth);
    assert.equal(window.surplusBytes(), 0);
    return window;
  }

  /** So much is sent and read, and takes so long. What is granted for it. */
  turn(window: ReceiveWindow, bytes: number, turnMs: number): number {
    this.nowMs += turnMs;
    assert.ok(window.expect(bytes), `${bytes} within the window`);
    window.receive(bytes);
    return window.consume(bytes);
  }
}

test('a window that is turned over fast doubles up to its bound, and a peer is held to it', () => {
  const scene = new Scene();
  const window = scene.window();
  assert.equal(scene.turn(window, 128 * kib, 5), (128 + 256) * kib);
  assert.equal(scene.turn(window, 128 * kib, 5), 0, 'not half of it yet');
  assert.equal(scene.turn(window, 128 * kib, 5), (256 + 512) * kib);
  assert.equal(scene.turn(window, 512 * kib, 5), 512 * kib);
  assert.ok(window.expect(mostBytes));
  assert.ok(!window.expect(1));
});

test('a slow reader’s window stays as it is, unless the way is as long', () => {
  const scene = new Scene();
  const window = scene.window();
  assert.equal(scene.turn(window, 128 * kib, 128), 128 * kib);
  scene.rttMs = 200;
  assert.equal(scene.turn(window, 128 * kib, 128), (128 + 256) * kib);
});

test('what streams hold above their first windows is one allowance, given back with each', () => {
  const scene = new Scene(16 * mostBytes);
  const windows = Array.from({ length: 3 }, () => scene.window());
  const grow = (window: ReceiveWindow): number => {
    let grownBytes = 0;
    for (let bytes = initialBytes; bytes < 16 * mostBytes; bytes *= 2) {
      grownBytes += Math.max(0, scene.turn(window, bytes / 2, 1) - bytes / 2);
      if (grownBytes + initialBytes < 2 * bytes) break;
    }
    return grownBytes;
  };
  const [first = 0, second = 0, third = 0] = windows.map(grow);
  assert.equal(first, 16 * mostBytes - initialBytes);
  assert.equal(first + second + third, 32 * mostBytes);
  windows[0]?.close();
  windows[0]?.close();
  assert.equal(grow(scene.window()), first);
});

test('a session grants what its options say, and grows by itself only where they do', async () => {
  const still = new MuxPeer({ role: 'client' });
  const growing = new MuxPeer({ role: 'client', maxReceiveWindowBytes: mostBytes });
  for (const [peer, granted] of [
    [still, 128 * kib],
    [growing, 384 * kib],
  ] as const) {
    await peer.open();
    await peer.sent();
    peer.feed(types.windowUpdate, flags.ack, 1, 0);
    peer.feed(types.data, 0, 1, 128 * kib, Buffer.alloc(128 * kib));
    assert.deepEqual(await peer.sent(), [`WindowUpdate - 1 ${granted}`]);
  }
  for (const maxReceiveWindowBytes of [initialBytes - 1, 16 * mostBytes + 1, NaN])
    assert.throws(() => new MuxPeer({ maxReceiveWindowBytes }), /maxReceiveWindowBytes must be an integer/);
});
