// Random calls on many streams of two connected sessions, against an oracle that only counts: every
// byte is a function of the stream, the direction and its position, so the received bytes must be
// those written, in order, once.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { memoryCarrierPair } from '../../../test/helpers/memory-carrier.ts';
import { ObservedCarrier, WindowAccounts } from '../../../test/helpers/mux-observer.ts';
import { settle } from '../../../test/helpers/mux-scripted-carrier.ts';
import type { Pipe, PipeHandler } from './pipe.ts';
import { Mux } from './mux.ts';

type SideName = 'left' | 'right';
const sideNames = ['left', 'right'] as const;

function byteAt(id: number, from: SideName, position: number): number {
  return (id * 31 + (from === 'left' ? 7 : 113) + position * 17 + (position >>> 8)) & 255;
}

function patterned(id: number, from: SideName, start: number, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  for (let index = 0; index < length; index += 1) bytes[index] = byteAt(id, from, start + index);
  return bytes;
}

/** One end of one stream, and the oracle's state for it. */
class End implements PipeHandler {
  readonly pipe: Pipe;
  readonly #side: SideName;
  writtenBytes = 0;
  receivedBytes = 0;
  unreadBytes = 0;
  ended = false;
  peerEnded = false;
  wasReset = false;
  errorCode: string | undefined;

  constructor(pipe: Pipe, side: SideName) {
    this.pipe = pipe;
    this.#side = side;
    pipe.setHandler(this);
  }

  data(chunk: Buffer): void {
    assert.ok(!this.peerEnded && !this.wasReset && this.errorCode === undefined, 'data after the end');
    const from = this.#side === 'left' ? 'right' : 'left';
    assert.ok(chunk.equals(patterned(this.pipe.id, from, this.receivedBytes, chunk.length)), 'the bytes in order');
    this.receivedBytes += chunk.length;
    this.unreadBytes += chunk.length;
  }

  end(): void {
    assert.ok(!this.peerEnded && !this.wasReset && this.errorCode === undefined, 'end after the end');
    this.peerEnded = true;
  }

  drain(): void {
    assert.ok(!this.ended && !this.wasReset && this.errorCode === undefined, 'drain after the end');
  }

  error(error: { code: string }): void {
    assert.ok(!this.wasReset && this.errorCode === undefined, 'error after the end');
    this.errorCode = error.code;
  }

  write(sizes: readonly number[]): void {
    if (this.ended || this.wasReset || this.errorCode !== undefined) return;
    this.pipe.write(
      sizes.map((size) => {
        const piece = patterned(this.pipe.id, this.#side, this.writtenBytes, size);
        this.writtenBytes += size;
        return piece;
      }),
    );
  }

  consume(bytes: number): void {
    const consumed = Math.min(bytes, this.unreadBytes);
    this.unreadBytes -= consumed;
    if (consumed > 0) this.pipe.consumed(consumed);
  }
}

const action = fc.oneof(
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('open' as const), side: fc.constantFrom(...sideNames) }) },
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant('write' as const),
      side: fc.constantFrom(...sideNames),
      stream: fc.nat(),
      sizes: fc.array(fc.oneof(fc.nat(300), fc.nat(70_000), fc.constant(262_144)), { maxLength: 3 }),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('consume' as const),
      side: fc.constantFrom(...sideNames),
      stream: fc.nat(),
      bytes: fc.nat(300_000),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constantFrom('end' as const, 'reset' as const),
      side: fc.constantFrom(...sideNames),
      stream: fc.nat(),
    }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('turn' as const) }) },
);
type Action = typeof action extends fc.Arbitrary<infer T> ? T : never;

interface World {
  readonly ends: Record<SideName, Map<number, End>>;
  readonly muxes: Record<SideName, Mux>;
  readonly accounts: WindowAccounts;
}

function createWorld(cuts: readonly number[], highWaterBytes: number, receiveWindowBytes: number): World {
  let turn = 0;
  const splitter = (message: Buffer): Buffer[] => {
    const chunks: Buffer[] = [];
    for (let at = 0; at < message.length; turn += 1) {
      const end = Math.min(message.length, at + 1 + (cuts[turn % cuts.length] ?? 65_536));
      chunks.push(message.subarray(at, end));
      at = end;
    }
    return chunks;
  };
  const [left, right] = memoryCarrierPair({ splitter, highWaterBytes });
  const accounts = new WindowAccounts(receiveWindowBytes);
  const ends = { left: new Map<number, End>(), right: new Map<number, End>() };
  const mux = (carrier: typeof left, side: SideName): Mux =>
    new Mux(
      new ObservedCarrier(carrier, side, accounts),
      { role: side === 'left' ? 'client' : 'server', tolerance: 'strict', receiveWindowBytes, keepalive: false },
      {
        stream: (pipe) => ends[side].set(pipe.id, new End(pipe, side)),
        goAway: assert.fail,
        close: (error) => assert.fail(error?.message ?? 'closed'),
      },
    );
  return { ends, muxes: { left: mux(left, 'left'), right: mux(right, 'right') }, accounts };
}

async function act(world: World, step: Action): Promise<void> {
  if (step.kind === 'turn') return settle(1);
  const ends = world.ends[step.side];
  if (step.kind === 'open') {
    const pipe = await world.muxes[step.side].open();
    ends.set(pipe.id, new End(pipe, step.side));
    return;
  }
  const all = [...ends.values()];
  const end = all[step.stream % Math.max(1, all.length)];
  if (end === undefined) return;
  switch (step.kind) {
    case 'write':
      end.write(step.sizes);
      return;
    case 'consume':
      end.consume(step.bytes);
      return;
    case 'end':
      end.ended = true;
      end.pipe.end();
      return;
    case 'reset':
      if (end.errorCode !== undefined || (end.ended && end.peerEnded)) return;
      end.wasReset = true;
      end.pipe.reset();
  }
}

/** Reads until no byte moves any more. */
async function finish(world: World): Promise<void> {
  for (let quiet = 0, before = -1; quiet < 4;) {
    for (const side of sideNames) for (const end of world.ends[side].values()) end.consume(Infinity);
    await settle(2);
    quiet = world.accounts.frames === before ? quiet + 1 : 0;
    before = world.accounts.frames;
  }
}

function judge(world: World): void {
  let open = 0;
  assert.deepEqual([...world.ends.left.keys()].sort(), [...world.ends.right.keys()].sort(), 'the same streams');
  for (const [id, left] of world.ends.left) {
    const right = world.ends.right.get(id);
    assert.ok(right !== undefined);
    const resets = left.wasReset || right.wasReset;
    for (const [from, to] of [
      [left, right],
      [right, left],
    ] as const) {
      assert.ok(to.receivedBytes <= from.writtenBytes);
      if (resets) continue;
      assert.equal(to.receivedBytes, from.writtenBytes, 'everything arrives');
      assert.equal(to.peerEnded, from.ended, 'the end arrives');
      assert.equal(to.errorCode, undefined);
      assert.equal(from.pipe.queuedBytes, 0);
    }
    if (resets)
      for (const end of [left, right])
        assert.ok(end.wasReset || end.errorCode === 'stream_reset' || (end.ended && end.peerEnded));
    else if (!(left.ended && right.ended)) open += 1;
  }
  for (const side of sideNames) {
    assert.equal(world.muxes[side].streamCount, open, 'no stream is left over');
    assert.equal(world.muxes[side].bufferedBytes, 0);
  }
}

test('random interleavings of many streams deliver what was written, end as requested, and respect their windows', async () => {
  let dataBytes = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.array(action, { minLength: 5, maxLength: 120 }),
      fc.array(fc.oneof(fc.nat(20), fc.nat(5_000), fc.constant(65_536)), { minLength: 1, maxLength: 20 }),
      fc.constantFrom(1, 50_000, 1_048_576),
      fc.constantFrom(262_144, 300_001, 1_048_576),
      async (actions, cuts, highWaterBytes, receiveWindowBytes) => {
        const world = createWorld(cuts, highWaterBytes, receiveWindowBytes);
        for (const step of actions) await act(world, step);
        await finish(world);
        judge(world);
        dataBytes += world.accounts.dataBytes;
      },
    ),
    { numRuns: 60 },
  );
  assert.ok(dataBytes > 1_000_000);
});
