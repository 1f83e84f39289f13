import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { DataLane } from './data-lane.ts';

const limitBytes = 100_000;

interface Seen {
  data: Buffer;
  control: Buffer;
  problem: string | undefined;
  closeCode: number | undefined;
}

/**
 * Reads the chunks with a lane and overwrites each afterwards, because they are valid only during
 * the push.
 */
function read(chunks: readonly Buffer[]): Seen {
  const seen: Seen = { data: Buffer.alloc(0), control: Buffer.alloc(0), problem: undefined, closeCode: undefined };
  const lane = new DataLane(limitBytes, {
    data(chunk) {
      assert.ok(chunk.length > 0);
      seen.data = Buffer.concat([seen.data, chunk]);
    },
    control(chunk) {
      seen.control = Buffer.concat([seen.control, chunk]);
    },
    malformed(error, closeCode) {
      assert.equal(seen.problem, undefined, 'reported once');
      seen.problem = error.message;
      seen.closeCode = closeCode;
    },
  });
  for (const chunk of chunks) {
    const lent = Buffer.from(chunk);
    lane.push(lent);
    lent.fill(0xee);
  }
  return seen;
}

/** The first byte is FIN and opcode; the length is encoded as RFC 6455 §5.2 requires. */
function frame(first: number, payload: Buffer): Buffer {
  const { length } = payload;
  const header = Buffer.alloc(length < 126 ? 2 : length < 65_536 ? 4 : 10);
  header[0] = first;
  header[1] = length < 126 ? length : length < 65_536 ? 126 : 127;
  if (header.length === 4) header.writeUInt16BE(length, 2);
  if (header.length === 10) header.writeBigUInt64BE(BigInt(length), 2);
  return Buffer.concat([header, payload]);
}

const binary = 0x82;
const fragment = 0x02;
const middle = 0x00;
const last = 0x80;
const ping = 0x89;

function split(bytes: Buffer, sizes: readonly number[]): Buffer[] {
  const chunks: Buffer[] = [];
  let at = 0;
  for (const size of sizes) {
    if (at >= bytes.length) break;
    chunks.push(bytes.subarray(at, at + size));
    at += size;
  }
  return at < bytes.length ? [...chunks, bytes.subarray(at)] : chunks;
}

test('the same frames give the same payload and control frames, however split', () => {
  const payload = fc.oneof(
    fc.uint8Array({ maxLength: 300 }),
    fc.constantFrom(125, 126, 65_535, 65_536).map((length) => new Uint8Array(length).fill(7)),
  );
  const sizes = fc.array(fc.oneof(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 1, max: 70_000 })));
  fc.assert(
    fc.property(fc.array(payload, { maxLength: 6 }), sizes, (payloads, cuts) => {
      const bodies = payloads.map((bytes) => Buffer.from(bytes));
      const pong = frame(ping, Buffer.from('beat'));
      const wire = Buffer.concat(bodies.flatMap((body) => [frame(binary, body), pong]));
      const seen = read(split(wire, cuts));
      assert.ok(seen.data.equals(Buffer.concat(bodies)));
      assert.ok(seen.control.equals(Buffer.concat(bodies.map(() => pong))));
      assert.equal(seen.problem, undefined);
    }),
    { numRuns: 200 },
  );
});

test('joins the fragments of a message, with a ping between them', () => {
  const seen = read([
    frame(fragment, Buffer.from('one ')),
    frame(ping, Buffer.alloc(0)),
    frame(middle, Buffer.from('two ')),
    frame(last, Buffer.from('three')),
    frame(binary, Buffer.from('.')),
  ]);
  assert.equal(seen.data.toString(), 'one two three.');
  assert.equal(seen.control.toString('hex'), '8900');
  assert.equal(seen.problem, undefined);
});

test('violations of RFC 6455 end the lane, and nothing after them is read', () => {
  const half = frame(fragment, Buffer.from('x'));
  const cases: [string, Buffer[], RegExp, number][] = [
    ['RSV1', [Buffer.from([0xc2, 0x01, 0x00])], /reserved bits/, 1002],
    ['a mask', [Buffer.from([binary, 0x81, 1, 2, 3, 4, 0])], /masked/, 1002],
    ['opcode 3', [frame(0x83, Buffer.from('x'))], /unknown opcode 3/, 1002],
    ['opcode 11', [frame(0x8b, Buffer.from('x'))], /unknown opcode 11/, 1002],
    ['a continuation of nothing', [frame(last, Buffer.from('x'))], /out of order/, 1002],
    ['a message within a message', [half, frame(binary, Buffer.from('x'))], /out of order/, 1002],
    ['a fragmented ping', [frame(0x09, Buffer.from('x'))], /control frame/, 1002],
    ['a long ping', [frame(ping, Buffer.alloc(126))], /control frame/, 1002],
    ['a long message', [frame(binary, Buffer.alloc(limitBytes + 1))], /more than 100000 bytes/, 1009],
    ['long in fragments', [half, frame(last, Buffer.alloc(limitBytes))], /more than 100000 bytes/, 1009],
    ['2^63 bytes', [Buffer.from([binary, 127, 0x80, 0, 0, 0, 0, 0, 0, 0])], /more than 100000 bytes/, 1009],
  ];
  for (const [name, frames, problem, closeCode] of cases) {
    const valid = frames.slice(0, -1);
    const seen = read([Buffer.concat([...frames, frame(binary, Buffer.from('behind'))])]);
    assert.match(seen.problem ?? '', problem, name);
    assert.equal(seen.closeCode, closeCode, name);
    assert.equal(seen.data.length, valid.length, name);
  }
});
