import assert from 'node:assert/strict';
import process from 'node:process';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { portalError } from '../../../test/helpers/portal-error.ts';
import { prefixLength } from './length-prefix.ts';
import { MessageReader } from './message-reader.ts';

function drain(reader: MessageReader): string[] {
  const messages: string[] = [];
  for (let message = reader.next(); message !== undefined; message = reader.next()) {
    messages.push(message.toString('hex'));
  }
  return messages;
}

describe('MessageReader', () => {
  it('returns the same messages and rest, however the stream is split', () => {
    fc.assert(
      fc.property(
        fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 20 }),
        fc.uint8Array({ maxLength: 3 }),
        fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 1, maxLength: 20 }),
        (messages, tail, sizes) => {
          const stream = Buffer.concat([...messages.map(prefixLength), tail]);
          const reader = new MessageReader(300);
          const seen: Buffer[] = [];
          for (let offset = 0, turn = 0; offset < stream.length; turn += 1) {
            const size = sizes[turn % sizes.length] ?? 1;
            reader.push(Buffer.from(stream.subarray(offset, offset + size)));
            offset += size;
            for (let message = reader.next(); message !== undefined; message = reader.next()) seen.push(message);
          }
          // Compared at the end, because later pushes must not change a message.
          assert.deepEqual(
            seen.map((message) => message.toString('hex')),
            messages.map((message) => Buffer.from(message).toString('hex')),
          );
          assert.deepEqual(new Uint8Array(reader.rest()), tail);
          assert.equal(reader.rest().length, 0);
        },
      ),
      { numRuns: 500, seed: 1 },
    );
  });

  it('returns all messages when several arrive before the first is taken', () => {
    const reader = new MessageReader(10);
    const stream = Buffer.concat(['aa', 'bbbb', '', 'cc'].map((text) => prefixLength(Buffer.from(text, 'hex'))));
    for (const byte of stream) reader.push(Buffer.of(byte));
    assert.deepEqual(drain(reader), ['aa', 'bbbb', '', 'cc']);
  });

  it('never writes into a chunk it received', () => {
    const reader = new MessageReader(10);
    const carrier = Buffer.from('0000000401ffffffff', 'hex');
    reader.push(carrier.subarray(0, 5));
    reader.push(Buffer.from('020304', 'hex'));
    assert.deepEqual(drain(reader), ['01020304']);
    assert.equal(carrier.toString('hex'), '0000000401ffffffff');
  });

  it('accepts a message of exactly its limit and rejects one byte more, from the length only', () => {
    const reader = new MessageReader(5);
    reader.push(prefixLength(Buffer.alloc(5)));
    assert.equal(reader.next()?.length, 5);
    reader.push(Buffer.from('00000006', 'hex'));
    assert.throws(() => reader.next(), portalError('packet_too_large'));
    assert.throws(() => reader.next(), portalError('packet_too_large'));
  });

  it('allocates for the bytes received, not for the announced length', () => {
    const reader = new MessageReader(2 ** 26);
    const before = process.memoryUsage().arrayBuffers;
    reader.push(Buffer.from('04000000', 'hex'));
    for (let i = 0; i < 1000; i += 1) reader.push(Buffer.alloc(1));
    assert.equal(reader.next(), undefined);
    assert.ok(process.memoryUsage().arrayBuffers - before < 1024 * 1024);
  });

  it('reads a long message byte by byte in linear time', () => {
    const reader = new MessageReader(2 ** 20);
    const byte = Buffer.of(1);
    reader.push(Buffer.from('00100000', 'hex'));
    for (let i = 0; i < 2 ** 20; i += 1) reader.push(byte);
    assert.equal(reader.next()?.length, 2 ** 20);
  });

  it('rejects a limit beyond the protocol', () => {
    for (const limit of [-1, 2 ** 26 + 1, NaN]) assert.throws(() => new MessageReader(limit), RangeError);
  });
});
