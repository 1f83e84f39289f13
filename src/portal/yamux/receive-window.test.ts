import assert from 'node:assert/strict';
import { test } from 'node:test';
import { flags, types } from '../../../test/helpers/mux-frames.ts';
import { MuxPeer } from '../../../test/helpers/mux-peer.ts';
import type { Clock } from '../../kernel/clock.ts';
import { ReceiveWindow, WindowGrowth } from './receive-window.ts';
import { WindowBudget } from './window-budget.ts';

const kib = 1_024;
const initialBytes = 256 * kib;
const maxBytes = 1_024 * kib;

class Scene {
  nowMs = 1_000;
  readonly #clock: Clock = { monotonicMs: () => this.nowMs, wallMs: () => 0 };
  readonly growth: WindowGrowth;

  readonly budget: WindowBudget;
  readonly windows: ReceiveWindow[] = [];

  constructor(maxReceiveWindowBytes = maxBytes, budgetBytes = 64 * maxBytes, nearWindowBytes = maxReceiveWindowBytes) {
    this.budget = new WindowBudget(budgetBytes);
    this.growth = new WindowGrowth({
      ...{ receiveWindowBytes: initialBytes, maxReceiveWindowBytes, nearWindowBytes },
      ...{ windowBudget: this.budget, clock: this.#clock, windowHolder: undefined },
    });
  }

  window(holder?: string): ReceiveWindow {
    const window = new ReceiveWindow(this.growth, holder);
    assert.equal(window.surplusBytes(), 0);
    this.windows.push(window);
    return window;
  }

  /** `bytes` bytes arrive and are consumed `turnMs` later. Returns the granted bytes. */
  turn(window: ReceiveWindow, bytes: number, turnMs: number): number {
    assert.ok(window.expect(bytes), `${bytes} within the window`);
    window.receive(bytes);
    this.nowMs += turnMs;
    return window.consume(bytes);
  }
}

test('a window consumed fast doubles up to its limit, and the limit is enforced on the peer', () => {
  const scene = new Scene();
  const window = scene.window();
  assert.equal(scene.turn(window, 128 * kib, 5), (128 + 256) * kib);
  assert.equal(scene.turn(window, 128 * kib, 5), 0, 'not half of it yet');
  assert.equal(scene.turn(window, 128 * kib, 5), (256 + 512) * kib);
  assert.equal(scene.turn(window, 512 * kib, 5), 512 * kib);
  assert.ok(window.expect(maxBytes));
  assert.ok(!window.expect(1));
});

test('the window of a slow reader does not grow, unless the round trip is as long', () => {
  const scene = new Scene();
  const window = scene.window();
  assert.equal(scene.turn(window, 128 * kib, 128), 128 * kib);
  scene.growth.roundTrip.sample(200, scene.nowMs);
  assert.ok(scene.turn(window, 128 * kib, 128) > (128 + 64) * kib);
});

/** Consumes as fast as bytes are granted until the window stops growing. Returns its growth. */
function growFully(scene: Scene, window: ReceiveWindow): number {
  let bytes = window.grownBytes;
  for (let turns = 0; turns < 3; turns += 1) {
    scene.turn(window, Math.ceil((initialBytes + window.grownBytes) / 2), 1);
    if (window.grownBytes > bytes) turns = 0;
    bytes = window.grownBytes;
  }
  return bytes;
}

test('no stream takes more than a quarter of what is left of its holder’s share', () => {
  const scene = new Scene(16 * maxBytes, 64 * maxBytes);
  const grown = Array.from({ length: 8 }, () => growFully(scene, scene.window()));
  assert.ok(
    grown.every((bytes) => bytes > initialBytes),
    grown.join(),
  );
  assert.ok(scene.budget.heldBytes <= 16 * maxBytes, 'one holder gets half of the half for windows in use');
});

/** The growth of a holder's windows. */
const heldBy = (windows: readonly ReceiveWindow[]): number =>
  windows.reduce((sum, { grownBytes }) => sum + grownBytes, 0);

test('a greedy holder leaves half to the others, and busy holders end up with equal shares', () => {
  const budgetBytes = 256 * maxBytes;
  const scene = new Scene(16 * maxBytes, budgetBytes);
  const many = (holder: string): ReceiveWindow[] => Array.from({ length: 40 }, () => scene.window(holder));
  const holders = [many('a')];
  for (const window of holders.flat()) growFully(scene, window);
  const first = heldBy(holders.flat());
  assert.ok(first > 0.4 * (budgetBytes / 2) && first <= 0.5 * (budgetBytes / 2), `${first} for the first`);
  const late = scene.window('b');
  assert.ok(growFully(scene, late) >= 8 * maxBytes, `${late.grownBytes} for the first window of the next`);

  holders.push([late, ...many('b').slice(1)], many('c'));
  // All windows are busy: the excess is returned with the next grants.
  for (let round = 0; round < 40; round += 1)
    for (const window of holders.flat()) scene.turn(window, Math.ceil((initialBytes + window.grownBytes) / 2), 0.1);
  const equalBytes = budgetBytes / 2 / 4;
  for (const [index, windows] of holders.entries()) {
    const bytes = heldBy(windows);
    assert.ok(bytes > 0.7 * equalBytes && bytes < 1.3 * equalBytes, `${bytes} for ${index}, ${equalBytes} are equal`);
  }
  assert.ok(scene.budget.heldBytes <= budgetBytes / 2);
  for (const window of scene.windows) window.close();
  assert.equal(scene.budget.heldBytes, 0);
});

test('a holder with idle streams leaves others growth to use and to keep', () => {
  const budgetBytes = 256 * maxBytes;
  const scene = new Scene(16 * maxBytes, budgetBytes);
  for (let round = 0; round < 20; round += 1) {
    for (let i = 0; i < 40; i += 1) growFully(scene, scene.window('a'));
    scene.nowMs += 3_000;
  }
  const held = scene.budget.heldBytes;
  assert.ok(held <= budgetBytes / 2, `${held} for one holder, in use and idle`);
  for (let round = 0; round < 2; round += 1) {
    const windows = Array.from({ length: 4 }, () => scene.window('b'));
    for (const window of windows) assert.ok(growFully(scene, window) >= 2 * maxBytes, `${window.grownBytes}`);
    scene.nowMs += 3_000;
  }
  assert.ok(scene.budget.heldBytes <= budgetBytes);
});

test('a closed window releases its growth once', () => {
  const scene = new Scene(16 * maxBytes, 32 * maxBytes);
  const window = scene.window();
  const bytes = growFully(scene, window);
  assert.equal(scene.budget.heldBytes, bytes);
  window.close();
  window.close();
  assert.equal(scene.budget.heldBytes, 0);
  assert.equal(growFully(scene, scene.window()), bytes);
});

test('unread windows release their growth to others, and the sum of all credit stays within the budget', () => {
  const budgetBytes = 32 * maxBytes;
  const scene = new Scene(16 * maxBytes, budgetBytes);
  const first = scene.window();
  const alone = growFully(scene, first);
  const stalled = [first, ...Array.from({ length: 15 }, () => scene.window())];
  for (const window of stalled.slice(1)) growFully(scene, window);
  scene.nowMs += 3_000;
  const next = scene.window();
  assert.equal(growFully(scene, next), alone, 'the stalled windows have no effect');
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

test('a window that released its growth grants nothing until the peer has used its credit or it grows again', () => {
  const scene = new Scene(4 * maxBytes, 16 * maxBytes);
  const [slow, fast] = [scene.window(), scene.window()];
  for (const window of [slow, fast]) growFully(scene, window);
  const credit = (window: ReceiveWindow): number => initialBytes + window.grownBytes;
  const [slowBytes, fastBytes] = [credit(slow), credit(fast)];
  scene.nowMs += 3_000;
  for (let i = 0; i < 8; i += 1) growFully(scene, scene.window());
  assert.equal(slow.grownBytes + fast.grownBytes, 0);
  assert.equal(scene.turn(slow, slowBytes - initialBytes, 1_000), 0, 'slow: the credit is only used up');
  assert.equal(scene.turn(slow, 128 * kib, 1_000), 128 * kib, 'from then on as at the start');
  for (const window of scene.windows) if (window !== fast) window.close();
  scene.turn(fast, 128 * kib, 1_000);
  scene.turn(fast, 128 * kib, 1);
  assert.equal(credit(fast), fastBytes - 128 * kib, 'fast: in use again');
});

/**
 * A peer behind a path with a delay in ms and a rate in bytes per ms, which sends whatever the
 * window allows.
 */
class FarPeer {
  readonly #scene: Scene;
  readonly #window: ReceiveWindow;
  readonly #tripMs: number;
  readonly #bytesPerMs: number;
  readonly #grants: { readonly atMs: number; readonly bytes: number }[];
  #allowedBytes = 0;

  constructor(scene: Scene, window: ReceiveWindow, tripMs: number, bytesPerMs: number) {
    this.#scene = scene;
    this.#window = window;
    this.#tripMs = tripMs;
    this.#bytesPerMs = bytesPerMs;
    this.#grants = [{ atMs: scene.nowMs, bytes: initialBytes }];
  }

  /** Sends for this many round trips; returns the bytes that arrived. */
  send(trips: number): number {
    const [scene, grants] = [this.#scene, this.#grants];
    let totalBytes = 0;
    for (const endMs = scene.nowMs + trips * this.#tripMs; scene.nowMs < endMs; scene.nowMs += 1) {
      while (grants[0] !== undefined && grants[0].atMs + this.#tripMs <= scene.nowMs)
        this.#allowedBytes += grants.shift()?.bytes ?? 0;
      for (let leftBytes = Math.min(this.#allowedBytes, this.#bytesPerMs); leftBytes > 0; leftBytes -= 16 * kib) {
        const bytes = Math.min(leftBytes, 16 * kib);
        const granted = scene.turn(this.#window, bytes, 0);
        this.#allowedBytes -= bytes;
        totalBytes += bytes;
        if (granted > 0) grants.push({ atMs: scene.nowMs, bytes: granted });
      }
    }
    return totalBytes;
  }
}

test('over a long path a window follows bandwidth times round trip from the first grants on, with or without a ping, and no further', () => {
  for (const [tripMs, megabytesPerS] of [
    [80, 100],
    [80, 20],
    [200, 50],
  ] as const)
    for (const pingMs of [undefined, tripMs]) {
      const scene = new Scene(16 * maxBytes, 256 * maxBytes, initialBytes);
      if (pingMs !== undefined) scene.growth.roundTrip.sample(pingMs, scene.nowMs);
      const window = scene.window();
      const peer = new FarPeer(scene, window, tripMs, megabytesPerS * 1_000);
      const productBytes = tripMs * megabytesPerS * 1_000;
      const name = `${tripMs} ms, ${megabytesPerS} MB/s, ${pingMs === undefined ? 'no ping' : 'a ping'}`;
      // The first window, eight times as much, and then the rate of the path; without a ping one
      // round trip later.
      const trips = pingMs === undefined ? 4 : 3;
      peer.send(trips);
      assert.ok(window.grownBytes >= 0.8 * productBytes, `${name}: grown by ${window.grownBytes} after ${trips} trips`);
      const bytes = peer.send(10);
      assert.ok(bytes >= 0.8 * 10 * productBytes, `${name}: ${bytes} bytes in ten trips of ${productBytes}`);
      const windowBytes = initialBytes + window.grownBytes;
      assert.ok(windowBytes >= productBytes, `${name}: a window of ${windowBytes}`);
      assert.ok(windowBytes <= Math.max(initialBytes, 4 * productBytes), `${windowBytes} for ${productBytes}`);
    }
});

test('a stream limited by its sender keeps its window, however long the round trip seems', () => {
  const scene = new Scene(16 * maxBytes, 256 * maxBytes);
  const window = scene.window();
  for (let i = 0; i < 2_000; i += 1) scene.turn(window, 4 * kib, 10 + ((i * 7) % 11));
  assert.equal(window.grownBytes, 0);
});

test('a session grants windows according to its options, and grows them only if enabled', async () => {
  const clock = { monotonicMs: () => 1_000, wallMs: () => 0 };
  const still = new MuxPeer({ role: 'client', clock });
  const growing = new MuxPeer({ role: 'client', clock, maxReceiveWindowBytes: maxBytes });
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
  for (const maxReceiveWindowBytes of [initialBytes - 1, 16 * maxBytes + 1, NaN])
    assert.throws(() => new MuxPeer({ maxReceiveWindowBytes }), /maxReceiveWindowBytes must be an integer/);
});
