import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { DeadlineQueue } from './session-timer.ts';
import { FrameBatch } from './frame-batch.ts';
import { InboundIds } from './inbound-ids.ts';
import { InputQueue } from './input-queue.ts';
import { SendQueue } from './send-queue.ts';

const pieces = fc.array(
  fc.oneof(fc.uint8Array({ maxLength: 30 }), fc.uint8Array({ minLength: 4_096, maxLength: 5_000 })),
  {
    maxLength: 20,
  },
);

test('the send queue returns the bytes in order, however they are split, and copies none', () => {
  fc.assert(
    fc.property(pieces, fc.array(fc.nat(3_000), { maxLength: 40 }), (input, cuts) => {
      const queue = new SendQueue();
      for (const piece of input) queue.add(piece);
      const out: Uint8Array[] = [];
      for (const cut of [...cuts, Infinity]) {
        const batch = new FrameBatch();
        queue.moveInto(batch, Math.min(cut, queue.bytes));
        out.push(...batch.finish());
      }
      assert.equal(queue.bytes, 0);
      assert.deepEqual(Buffer.concat(out), Buffer.concat(input));
      const buffers = new Set(input.map((piece) => piece.buffer));
      assert.ok(out.every((piece) => buffers.has(piece.buffer as ArrayBuffer)));
    }),
  );
  assert.throws(() => {
    new SendQueue().moveInto(new FrameBatch(), 1);
  }, RangeError);
});

test('queues that are never empty do not grow', () => {
  const send = new SendQueue();
  const input = new InputQueue();
  const piece = Buffer.alloc(5_000);
  for (let index = 0; index < 3; index += 1) {
    send.add(piece);
    input.add(piece);
  }
  for (let index = 0; index < 1_000; index += 1) {
    send.add(piece);
    send.moveInto(new FrameBatch(), piece.length);
    input.add(piece);
    assert.deepEqual(input.take(), piece);
  }
  assert.equal(send.bytes, 15_000);
  assert.equal(input.bytes, 15_000);
});

test('the input queue returns the bytes in order, and single bytes do not retain the chunks they arrived in', () => {
  fc.assert(
    fc.property(pieces, fc.array(fc.boolean(), { maxLength: 20 }), (input, takes) => {
      const queue = new InputQueue();
      const out: Buffer[] = [];
      const take = (): boolean => {
        const chunk = queue.take();
        if (chunk !== undefined) out.push(chunk);
        return chunk !== undefined;
      };
      for (const [index, piece] of input.entries()) {
        queue.add(Buffer.from(piece));
        if (takes[index] === true) take();
      }
      while (take());
      assert.equal(queue.bytes, 0);
      assert.deepEqual(Buffer.concat(out), Buffer.concat(input));
    }),
  );
  const queue = new InputQueue();
  const chunk = Buffer.alloc(65_536);
  for (let index = 0; index < 4_096; index += 1) queue.add(chunk.subarray(index, index + 1));
  const block = queue.take();
  assert.equal(block?.length, 4_096);
  assert.notEqual(block.buffer, chunk.buffer);
  assert.equal(queue.take(), undefined);
});

test('headers without bodies between them are one piece', () => {
  const batch = new FrameBatch();
  for (let index = 0; index < 10; index += 1) batch.header(2, 2, 0, index);
  assert.equal(batch.finish().length, 1);
  assert.equal(batch.bytes, 120);
  // A full slab is left to the carrier and never overwritten.
  const long = new FrameBatch();
  for (let index = 0; index < 2_000; index += 1) long.header(2, 2, 0, index);
  const bytes = Buffer.concat(long.finish());
  assert.equal(bytes.length, 24_000);
  for (let index = 0; index < 2_000; index += 1) assert.equal(bytes.readUInt32BE(index * 12 + 8), index);
});

test('deadlines fire in the order in which they were set, and can be reset', () => {
  const queue = new DeadlineQueue<string>(100);
  assert.equal(queue.nextMs, Infinity);
  assert.equal(queue.set('a', 0), 100);
  queue.set('b', 10);
  queue.set('c', 20);
  queue.set('a', 30);
  queue.delete('c');
  assert.equal(queue.nextMs, 110);
  assert.equal(queue.takeDue(109), undefined);
  assert.equal(queue.takeDue(200), 'b');
  assert.equal(queue.takeDue(200), 'a');
  assert.equal(queue.takeDue(200), undefined);
});

test('ids of a peer may be out of order, but never repeated, of the wrong parity, or far ahead', () => {
  const odd = new InboundIds('odd');
  assert.equal(odd.open(5), undefined);
  assert.equal(odd.used(3), false);
  assert.equal(odd.open(1), undefined);
  assert.equal(odd.open(3), undefined);
  assert.ok(odd.used(3));
  for (const id of [1, 3, 5, 0, 2, 4, 5 + 2 * 1_024 + 2]) assert.notEqual(odd.open(id), undefined, `${id}`);
  assert.equal(odd.used(7), false);
  const even = new InboundIds('even');
  assert.notEqual(even.open(0), undefined);
  assert.equal(even.open(2), undefined);
  assert.notEqual(even.open(2), undefined);
  // Ids skipped for good are dropped, the oldest first, so the set stays small.
  for (let id = 6; id < 20_000; id += 4) assert.equal(even.open(id), undefined);
  assert.notEqual(even.open(4), undefined);
  assert.equal(even.open(19_996), undefined);
});
