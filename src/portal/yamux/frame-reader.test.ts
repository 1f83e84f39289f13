import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { dataFrame, rawFrame } from '../../../test/helpers/mux-frames.ts';
import { FrameReader } from './frame-reader.ts';
import { frameType, headerBytes, writeHeader } from './frame.ts';

/** The calls of the sink, with the pieces of each body joined. */
function readAll(chunks: readonly Buffer[]): string[] {
  const events: string[] = [];
  let body = '';
  const reader = new FrameReader({
    frame: (type, flags, streamId, length) => events.push(`${type} ${flags} ${streamId} ${length}`),
    body: (chunk, last) => {
      assert.ok(chunk.length > 0);
      body += chunk.toString('hex');
      if (!last) return;
      events.push(body);
      body = '';
    },
    malformed: (problem) => events.push(problem),
  });
  for (const chunk of chunks) reader.push(chunk);
  if (body !== '') events.push(`unfinished ${body}`);
  return events;
}

const anyFrame = fc.oneof(
  fc
    .tuple(
      fc.integer({ min: 0, max: 0xffff }),
      fc.integer({ min: 0, max: 0xffff_ffff }),
      fc.uint8Array({ maxLength: 40 }),
    )
    .map(([flags, id, body]) => dataFrame(id, Buffer.from(body), flags)),
  fc
    .tuple(
      fc.integer({ min: 1, max: 3 }),
      fc.integer({ min: 0, max: 0xffff }),
      fc.integer({ min: 0, max: 0xffff_ffff }),
      fc.integer({ min: 0, max: 0xffff_ffff }),
    )
    .map(([type, flags, id, length]) => rawFrame(type, flags, id, length)),
);

test('the same bytes give the same events, however split', () => {
  fc.assert(
    fc.property(
      fc.array(anyFrame, { maxLength: 12 }),
      fc.option(fc.uint8Array({ minLength: 1, maxLength: 20 })),
      fc.array(fc.nat(600), { maxLength: 30 }),
      (frames, tail, cuts) => {
        const bytes = Buffer.concat([...frames, ...(tail === null ? [] : [tail])]);
        const at = [0, ...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length].sort((a, b) => a - b);
        const chunks = at.slice(1).map((end, index) => bytes.subarray(at[index], end));
        assert.deepEqual(readAll(chunks), readAll([bytes]));
        const single = Array.from(bytes, (_, index) => bytes.subarray(index, index + 1));
        assert.deepEqual(readAll(single), readAll([bytes]));
      },
    ),
    { numRuns: 500 },
  );
});

test('reads back what it encodes', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...Object.values(frameType)),
      fc.integer({ min: 0, max: 0xffff }),
      fc.integer({ min: 0, max: 0xffff_ffff }),
      fc.integer({ min: 0, max: 0xffff_ffff }),
      (type, flags, id, length) => {
        const header = Buffer.alloc(headerBytes);
        writeHeader(header, 0, type, flags, id, length);
        assert.deepEqual(header, rawFrame(type, flags, id, length));
        assert.deepEqual(readAll([header]), [`${type} ${flags} ${id} ${length}`]);
      },
    ),
  );
});

test('passes on a body as views of the received chunk', () => {
  const message = dataFrame(1, 'payload');
  let seen: Buffer | undefined;
  const reader = new FrameReader({ frame: () => undefined, body: (chunk) => (seen = chunk), malformed: assert.fail });
  reader.push(message);
  assert.equal(seen?.buffer, message.buffer);
  assert.equal(seen.byteOffset, message.byteOffset + 12);
});

test('reports an unknown version or type once and stops reading', () => {
  assert.deepEqual(readAll([Buffer.from('0100000000000001000000000000000000000001', 'hex')]), ['unknown version 1']);
  assert.deepEqual(readAll([Buffer.concat([rawFrame(4, 0, 0, 0), rawFrame(2, 1, 0, 0)])]), ['unknown frame type 4']);
  assert.deepEqual(readAll([Buffer.from('HTTP/1.1 404 Not Found\r\n')]), ['unknown version 72']);
});

test('stop() in the middle of a chunk ends reading', () => {
  const events: number[] = [];
  const reader = new FrameReader({
    frame: (type) => {
      events.push(type);
      reader.stop();
    },
    body: () => assert.fail(),
    malformed: assert.fail,
  });
  reader.push(Buffer.concat([rawFrame(2, 1, 0, 0), dataFrame(1, 'never seen')]));
  reader.push(rawFrame(2, 1, 0, 0));
  assert.deepEqual(events, [2]);
});
