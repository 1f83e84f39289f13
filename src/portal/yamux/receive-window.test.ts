import assert from 'node:assert/strict';
import { test } from 'node:test';
import { flags, types } from '../../../test/helpers/mux-frames.ts';
import { MuxPeer } from '../../../test/helpers/mux-peer.ts';
import type { Clock } from '../../kernel/clock.ts';
import { ReceiveWindow, WindowGrowth } from './receive-window.ts';
import { WindowBudget } from './window-budget.ts';

const kib = 1_024;
const initialBytes = 256 * kib;
const mostBytes = 1_024 * kib;

class Scene {
  nowMs = 1_000;
  rttMs: number | undefined = undefined;
  readonly #clock: Clock = { monotonicMs: () => this.nowMs, wallMs: () => 0 };
  readonly growth: WindowGrowth;

  readonly budget: WindowBudget;
  readonly windows: ReceiveWindow[] = [];

  constructor(
    maxReceiveWindowBytes = mostBytes,
    budgetBytes = 64 * mostBytes,
    nearWindowBytes = maxReceiveWindowBytes,
  ) {
    this.budget = new WindowBudget(budgetBytes);
    this.growth = new WindowGrowth(
      {
        ...{ receiveWindowBytes: initialBytes, maxReceiveWindowBytes, nearWindowBytes },
        ...{ windowBudget: this.budget, clock: this.#clock },
      },
      () => this.rttMs,
    );
  }

  window(): ReceiveWindow {
    const window = new ReceiveWindow(this.growth);
    assert.equal(window.surplusBytes(), 0);
    this.windows.push(window);
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

/** Consumes as fast as it is granted until nothing more is grown. What it has grown by. */
function growFully(scene: Scene, window: ReceiveWindow): number {
  let bytes = window.grownBytes;
  for (let turns = 0; turns < 3; turns += 1) {
    scene.turn(window, Math.ceil((initialBytes + window.grownBytes) / 2), 1);
    if (window.grownBytes > bytes) turns = 0;
    bytes = window.grownBytes;
  }
  return bytes;
}

test('no stream takes more than a quarter of what is left of the budget', () => {
  const scene = new Scene(16 * mostBytes, 32 * mostBytes);
  const grown = Array.from({ length: 8 }, () => growFully(scene, scene.window()));
  assert.ok(
    grown.every((bytes) => bytes > initialBytes),
    grown.join(),
  );
  assert.ok(scene.budget.heldBytes <= 16 * mostBytes, 'half of the budget is for windows in use');
});

test('a window that closes gives its growth back, once', () => {
  const scene = new Scene(16 * mostBytes, 32 * mostBytes);
  const window = scene.window();
  const bytes = growFully(scene, window);
  assert.equal(scene.budget.heldBytes, bytes);
  window.close();
  window.close();
  assert.equal(scene.budget.heldBytes, 0);
  assert.equal(growFully(scene, scene.window()), bytes);
});

test('windows that are not read give their growth to the others, and the sum of all credit stays within the budget', () => {
  const budgetBytes = 32 * mostBytes;
  const scene = new Scene(16 * mostBytes, budgetBytes);
  const first = scene.window();
  const alone = growFully(scene, first);
  const stalled = [first, ...Array.from({ length: 15 }, () => scene.window())];
  for (const window of stalled.slice(1)) growFully(scene, window);
  scene.nowMs += 3_000;
  const next = scene.window();
  assert.equal(growFully(scene, next), alone, 'as if the others were not there');
  assert.equal(first.grownBytes, 0);
  assert.ok(scene.budget.heldBytes <= budgetBytes);
  for (let round = 0; round < 8; round += 1) {
    scene.nowMs += 3_000;
    for (let i = 0; i < 16; i += 1) growFully(scene, scene.window());
    assert.ok(scene.budget.heldBytes <= budgetBytes, `${scene.budget.heldBytes} held`);
  }
  for (const window of [...scene.windows]) window.close();
  assert.equal(scene.budget.heldBytes, 0);
});

test('a window that gave its growth back grants nothing until the peer has used its credit, or takes the growth again', () => {
  const scene = new Scene(4 * mostBytes, 16 * mostBytes);
  const [slow, fast] = [scene.window(), scene.window()];
  for (const window of [slow, fast]) growFully(scene, window);
  const credit = (window: ReceiveWindow): number => initialBytes + window.grownBytes;
  const [slowBytes, fastBytes] = [credit(slow), credit(fast)];
  scene.nowMs += 3_000;
  for (let i = 0; i < 8; i += 1) growFully(scene, scene.window());
  assert.equal(slow.grownBytes + fast.grownBytes, 0);
  assert.equal(scene.turn(slow, slowBytes - initialBytes, 1_000), 0, 'slow: the credit is only used up');
  assert.equal(scene.turn(slow, 128 * kib, 1_000), 128 * kib, 'and from there on it is as at first');
  for (const window of scene.windows) if (window !== fast) window.close();
  scene.turn(fast, 128 * kib, 1_000);
  scene.turn(fast, 128 * kib, 1);
  assert.equal(credit(fast), fastBytes - 128 * kib, 'fast: in use again');
});

/** A peer behind a way of so many ms and so many bytes a ms, which sends whatever the window allows. Bytes by the end. */
function download(scene: Scene, window: ReceiveWindow, tripMs: number, bytesPerMs: number, untilMs: number): number {
  const grants = [{ atMs: scene.nowMs, bytes: initialBytes }];
  let [allowedBytes, totalBytes] = [0, 0];
  for (const endMs = scene.nowMs + untilMs; scene.nowMs < endMs; scene.nowMs += 1) {
    while (grants[0] !== undefined && grants[0].atMs + tripMs <= scene.nowMs)
      allowedBytes += grants.shift()?.bytes ?? 0;
    for (let leftBytes = Math.min(allowedBytes, bytesPerMs); leftBytes > 0; leftBytes -= 16 * kib) {
      const bytes = Math.min(leftBytes, 16 * kib);
      const granted = scene.turn(window, bytes, 0);
      allowedBytes -= bytes;
      totalBytes += bytes;
      if (granted > 0) grants.push({ atMs: scene.nowMs, bytes: granted });
    }
  }
  return totalBytes;
}

test('over a long way a window follows bandwidth times round trip from the first grants on, without a ping, and no further', () => {
  for (const [tripMs, megabytesPerS] of [
    [80, 100],
    [80, 20],
    [200, 50],
  ] as const) {
    const scene = new Scene(16 * mostBytes, 256 * mostBytes, initialBytes);
    const window = scene.window();
    const bytesPerMs = megabytesPerS * 1_000;
    const mostBytesIn12Trips = 12 * tripMs * bytesPerMs;
    const bytes = download(scene, window, tripMs, bytesPerMs, 12 * tripMs);
    const productBytes = tripMs * bytesPerMs;
    const windowBytes = initialBytes + window.grownBytes;
    assert.ok(bytes >= 0.4 * mostBytesIn12Trips, `${tripMs} ms, ${megabytesPerS} MB/s: ${bytes} bytes`);
    assert.ok(windowBytes >= productBytes, `${tripMs} ms, ${megabytesPerS} MB/s: a window of ${windowBytes}`);
    assert.ok(windowBytes <= Math.max(initialBytes, 4 * productBytes), `${windowBytes} for ${productBytes}`);
  }
});

test('a stream that is only as fast as its sender keeps its window, however long the way seems', () => {
  const scene = new Scene(16 * mostBytes, 256 * mostBytes);
  const window = scene.window();
  for (let i = 0; i < 2_000; i += 1) scene.turn(window, 4 * kib, 10 + ((i * 7) % 11));
  assert.equal(window.grownBytes, 0);
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
