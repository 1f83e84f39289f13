// The same bytes give the same events, however they are split and whenever the reader is paused.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { comparable, readResponse, splitAt } from '../../test/helpers/http-reading.ts';
import { randomCase } from '../../test/fuzz/response-grammar.ts';
import { seededRandom } from '../../test/soak/random.ts';

const runs = 3_000;

const responses: Record<string, string> = {
  length: 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX: a\r\n\r\nhello and more',
  chunks:
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;a="b"\r\nok\r\n00a\r\n0123456789\r\n0;x\r\nX-Sum: 1\r\n\r\nmore',
  close: 'HTTP/1.0 200\r\nServer: x\r\n\r\nbody until the end',
  interim: 'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 E\r\nLink: </a>\r\n\r\nHTTP/1.1 204 X\r\n\r\n',
  switch: 'HTTP/1.1 101 X\r\nConnection: upgrade\r\nUpgrade: echo/1\r\n\r\nnot HTTP',
  'bad chunk': 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n1\r\nb\r\nzz\r\n',
  'bad field': 'HTTP/1.1 200 OK\r\nX: a\r\nY : b\r\n\r\n',
  'bad trailer': 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nX: \x01\r\n\r\n',
  cut: 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc',
};

describe('gives the same events byte by byte and split at every position', () => {
  for (const [name, text] of Object.entries(responses)) {
    test(name, () => {
      const bytes = Buffer.from(text, 'latin1');
      const expected = { method: 'GET', offeredProtocols: 'echo/1' };
      const whole = comparable(readResponse([bytes], expected));
      const single = splitAt(bytes, Array.from(bytes.keys()));
      assert.deepEqual(comparable(readResponse(single, expected)), whole);
      for (const at of bytes.keys()) assert.deepEqual(comparable(readResponse(splitAt(bytes, [at]), expected)), whole);
    });
  }
});

test('splits random responses, valid and mutated, at random positions, also with a pause at each event', () => {
  fc.assert(
    fc.property(fc.string({ minLength: 1 }), fc.array(fc.nat(600), { maxLength: 12 }), (seed, offsets) => {
      const { bytes, expected } = randomCase(seededRandom(seed));
      const whole = comparable(readResponse([bytes], expected));
      assert.deepEqual(comparable(readResponse(splitAt(bytes, offsets), expected)), whole);
      const single = splitAt(bytes, Array.from(bytes.keys()));
      assert.deepEqual(comparable(readResponse(single, expected)), whole);
      assert.deepEqual(comparable(readResponse(splitAt(bytes, offsets), expected, true)), whole);
    }),
    { numRuns: runs, seed: 1 },
  );
});
