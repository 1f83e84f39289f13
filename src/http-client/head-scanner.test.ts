import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { get, readResponse, type Reading } from '../../test/helpers/http-reading.ts';
import { maxHeadBytes, maxStatusLineBytes } from './head-scanner.ts';
import { ResponseReader } from './response-reader.ts';

const nothing = { informational: () => undefined, head: () => undefined, data: () => undefined };
const handler = { ...nothing, end: () => undefined, upgrade: () => undefined };
const empty = 'Content-Length: 0\r\n\r\n';

function read(text: string): Reading {
  return readResponse([Buffer.from(text, 'latin1')]);
}

/** Number of bytes that the reader accepts, one by one, before it throws. */
function acceptedBytes(text: string): number {
  const reader = new ResponseReader(handler);
  reader.expect(get);
  const bytes = Buffer.from(text, 'latin1');
  for (let i = 0; i < bytes.length; i += 1) {
    try {
      reader.push(bytes.subarray(i, i + 1));
    } catch {
      return i;
    }
  }
  return bytes.length;
}

describe('the status line', () => {
  for (const [line, status] of [
    ['HTTP/1.1 200 OK', 200],
    ['HTTP/1.0 200 OK', 200],
    ['HTTP/1.1 200 ', 200],
    ['HTTP/1.1 200', 200],
    ['HTTP/1.1 599 Beyond \t r\xe9sum\xe9', 599],
    ['HTTP/1.1 200 200', 200],
    ['HTTP/1.1 200   spaced', 200],
    [`HTTP/1.1 404 ${'x'.repeat(maxStatusLineBytes - 13)}`, 404],
  ] as const) {
    test(`is accepted: ${JSON.stringify(line.slice(0, 40))}`, () => {
      const { outcome, head } = read(`${line}\r\n${empty}`);
      assert.deepEqual([outcome, head?.status, head?.version], ['complete', status, line.slice(5, 8)]);
    });
  }

  for (const [line, outcome] of [
    ['HTTP/1.1 20 OK', 'bad_status_line'],
    ['HTTP/1.1 2000 OK', 'bad_status_line'],
    ['HTTP/1.1 2x0 OK', 'bad_status_line'],
    ['HTTP/1.1 099 X', 'bad_status_line'],
    ['HTTP/1.1 600 X', 'bad_status_line'],
    ['HTTP/1.1  200 OK', 'bad_status_line'],
    ['HTTP/1.1\t200 OK', 'not_http'],
    ['HTTP/1.1 200\tOK', 'bad_status_line'],
    ['HTTP/1.1 200 O\0K', 'bad_status_line'],
    ['HTTP/1.1 200 O\x01K', 'bad_status_line'],
    ['HTTP/1.1 200 O\x7fK', 'bad_status_line'],
    ['HTTP/1.1 200 OK\nX: y', 'bad_status_line'],
    ['HTTP/1.1 200 O\rK', 'bad_status_line'],
    ['HTTP/1.1 200\rK', 'bad_status_line'],
    ['HTTP/1.2 200 OK', 'not_http'],
    ['HTTP/2.0 200 OK', 'not_http'],
    ['HTTP/0.9 200 OK', 'not_http'],
    ['HTTP/1.10 200 OK', 'not_http'],
    ['http/1.1 200 OK', 'not_http'],
    [' HTTP/1.1 200 OK', 'not_http'],
    ['\r\nHTTP/1.1 200 OK', 'not_http'],
    ['\ufeffHTTP/1.1 200 OK', 'not_http'],
    [`HTTP/1.1 404 ${'x'.repeat(maxStatusLineBytes - 12)}`, 'head_too_large'],
  ] as const) {
    test(`is rejected: ${JSON.stringify(line.slice(0, 40))}`, () => {
      assert.equal(read(`${line}\r\n${empty}`).outcome, outcome);
    });
  }

  for (const [text, accepted] of [
    ['SSH-2.0-OpenSSH_9.9\r\n', 0],
    ['220 mail.test ESMTP\r\n', 0],
    ['\x16\x03\x01\x02\0', 0],
    ['\0\0\x12\x04\0', 0],
    ['RTSP/1.0 200 OK\r\n', 0],
    ['HELO', 1],
    ['HTTP/2.0 200 OK\r\n', 5],
    ['HTTP/1.1 700', 9],
    ['HTTP/1.1 2a', 10],
  ] as const) {
    test(`is rejected at its first wrong byte: ${JSON.stringify(text)}`, () => {
      assert.equal(acceptedBytes(text), accepted);
    });
  }
});

describe('field lines', () => {
  const fieldsOf = (lines: string): readonly string[] | string => {
    const { outcome, head } = read(`HTTP/1.1 204\r\n${lines}\r\n`);
    return outcome === 'complete' ? (head?.headers ?? []) : outcome;
  };

  test('keep spelling, order, duplicates and bytes; whitespace around values is removed', () => {
    assert.deepEqual(
      fieldsOf('sEt-CoOkIe: a=1\r\nX:\tb \t\r\nSet-Cookie:c\r\nEmpty:\r\nBlank: \t \r\nIn: a \t b\r\n'),
      [...['sEt-CoOkIe', 'a=1', 'X', 'b', 'Set-Cookie', 'c', 'Empty', '', 'Blank', '', 'In', 'a \t b']],
    );
    assert.deepEqual(fieldsOf('X: \x80\xff\xa0\r\nY: a:b\r\n'), ['X', '\x80\xff\xa0', 'Y', 'a:b']);
    assert.deepEqual(fieldsOf("!#$%&'*+-.^_`|~09azAZ: 1\r\n"), ["!#$%&'*+-.^_`|~09azAZ", '1']);
  });

  for (const lines of [
    ...['X : a\r\n', ' X: a\r\n', ': a\r\n', 'X\r\n', 'X(: a\r\n', 'X\x80: a\r\n', 'X\0: a\r\n', 'X\t: a\r\n'],
    ...['X: a\r\n b\r\n', 'X: a\r\n\tb\r\n', 'X: a\r\n \r\n', 'X: a\rb\r\n', 'X: a\nY: b\r\n', 'X: a\r\r\n'],
    ...['X: a\0b\r\n', 'X: a\x01b\r\n', 'X: a\x7fb\r\n', 'X: a\x1fb\r\n', 'X: a\x0bb\r\n', '\n', '\r'],
  ]) {
    test(`are rejected: ${JSON.stringify(lines)}`, () => {
      assert.equal(fieldsOf(lines), 'bad_field');
    });
  }
});

test('a head may have 64 KiB and not one byte more', () => {
  const start = 'HTTP/1.1 204\r\nX: ';
  const fill = (bytes: number): string => `${start}${'a'.repeat(bytes - start.length - 4)}\r\n\r\n`;
  assert.equal(read(fill(maxHeadBytes)).outcome, 'complete');
  assert.equal(read(fill(maxHeadBytes + 1)).outcome, 'head_too_large');
  assert.equal(acceptedBytes(fill(maxHeadBytes + 1)), maxHeadBytes - 1);
});

test('a trailer section may have 64 KiB and not one byte more', () => {
  const start = 'HTTP/1.1 200\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n';
  const fill = (bytes: number): string => `${start}X: ${'a'.repeat(bytes - 7)}\r\n\r\n`;
  assert.equal(read(fill(maxHeadBytes)).outcome, 'complete');
  assert.equal(read(fill(maxHeadBytes + 1)).outcome, 'trailers_too_large');
});
