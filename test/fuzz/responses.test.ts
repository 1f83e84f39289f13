// Tests the response reader against strict llhttp: the table of intended differences, and random
// responses.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { get, readResponse } from '../helpers/http-reading.ts';
import { oracleReading } from '../helpers/llhttp.ts';
import { differenceOf, differences } from './response-differences.ts';
import { fuzzResponses } from './response-run.ts';

const lenient: Record<string, string> = {
  'a length and chunks': 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
  'a bare LF': 'HTTP/1.1 200 OK\r\nX: a\nContent-Length: 0\r\n\r\n',
  'a fold': 'HTTP/1.1 200 OK\r\nX: a\r\n b\r\nContent-Length: 0\r\n\r\n',
  'a control character': 'HTTP/1.1 200 OK\r\nX: a\x01\r\nContent-Length: 0\r\n\r\n',
  'whitespace after a chunk size': 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0 \r\n\r\n',
  'no CRLF after a chunk': 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na0\r\n\r\n',
  'HTTP/1.2': 'HTTP/1.2 200 OK\r\nContent-Length: 0\r\n\r\n',
};

describe('the oracle', () => {
  for (const [name, text] of Object.entries(lenient)) {
    test(`is strict: rejects ${name}, and so does the reader`, () => {
      const bytes = Buffer.from(text, 'latin1');
      assert.equal(oracleReading(bytes, 'GET').outcome, 'refused');
      assert.notEqual(readResponse([bytes]).outcome, 'complete');
    });
  }
});

describe('stricter than llhttp', () => {
  for (const difference of differences) {
    test(`${difference.name} (${difference.source})`, () => {
      assert.equal(differenceOf(Buffer.from(difference.example, 'latin1'), get), difference);
    });
  }
});

test('100,000 random and mutated responses: llhttp and the reader agree, or the table has the reason', () => {
  const { counts, faults } = fuzzResponses('responses', 100_000);
  assert.deepEqual(faults, []);
  assert.ok((counts.get('same') ?? 0) > 80_000);
  for (const { name } of differences) assert.ok((counts.get(name) ?? 0) > 0, `never seen: ${name}`);
});
