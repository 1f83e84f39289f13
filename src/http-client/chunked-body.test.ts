import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { readResponse, type Reading } from '../../test/helpers/http-reading.ts';
import { maxChunkLineBytes, maxExcessBytes } from './chunked-body.ts';

const head = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n';

function read(body: string): Reading {
  return readResponse([Buffer.from(head + body, 'latin1')]);
}

describe('chunks', () => {
  for (const [body, content] of [
    ['0\r\n\r\n', ''],
    ['000\r\n\r\n', ''],
    ['2\r\nok\r\n0\r\n\r\n', 'ok'],
    ['000000000000000A\r\n0123456789\r\n0\r\n\r\n', '0123456789'],
    ['a\r\n0123456789\r\nb\r\n0123456789a\r\n0\r\n\r\n', '01234567890123456789a'],
    ['2\r\n\r\n\r\n2\r\n0\r\r\n0\r\n\r\n', '\r\n0\r'],
    ['2;a\r\nok\r\n0;b\r\n\r\n', 'ok'],
    ['2;a=b;c="d e;\\"\\\\\t\x80";f=""\r\nok\r\n0\r\n\r\n', 'ok'],
  ] as const) {
    test(`are read: ${JSON.stringify(body)}`, () => {
      const { outcome, body: read_, pieces, excess } = read(body);
      assert.deepEqual([outcome, read_.toString('latin1'), excess], ['complete', content, false]);
      assert.ok(pieces <= 1);
    });
  }

  for (const line of [
    ...[
      '',
      'g',
      '-1',
      '+1',
      '0x2',
      ' 2',
      '2 ',
      '2\t',
      '2 ;a',
      '2; a',
      '2;a =b',
      '2;a= b',
      '2;',
      '2;;a',
      '2;a=',
      '2;a=;b',
    ],
    ...[
      '2;=a',
      '2;a="',
      '2;a="b"c',
      '2;a="\x01"',
      '2;a="\\\x01"',
      '2;a\0',
      '2;a=b c',
      '2;a\n',
      '2\n',
      '2\r',
      '2,',
      '2x',
    ],
    ...['20000000000000', 'ffffffffffffffff', '00000000000000002', `2;${'a'.repeat(maxChunkLineBytes - 1)}`],
  ]) {
    test(`are rejected after delivery of earlier data: ${JSON.stringify(line.slice(0, 30))}`, () => {
      const { outcome, body, pieces } = read(`1\r\na\r\n2\r\nbc\r\n${line}\r\nok\r\n0\r\n\r\n`);
      assert.deepEqual([outcome, body.toString('latin1'), pieces], ['bad_chunk', 'abc', 1]);
    });
  }

  for (const end of ['okk\r\n', 'ok\n', 'ok\r', 'ok\rX', 'ok0\r\n', 'ok\r\r\n']) {
    test(`end with CRLF only: ${JSON.stringify(end)}`, () => {
      assert.equal(read(`2\r\n${end}0\r\n\r\n`).outcome, 'bad_chunk');
    });
  }

  test('may have the size 2^53 - 1 and a line of 4 KiB', () => {
    assert.equal(read('1fffffffffffff\r\nok').outcome, 'cut');
    assert.equal(read(`2;${'a'.repeat(maxChunkLineBytes - 2)}\r\nok\r\n0\r\n\r\n`).outcome, 'complete');
  });
});

describe('the overhead of chunk framing', () => {
  test('may be five bytes per byte of data, for any number of chunks', () => {
    const { outcome, body, pieces } = read(`${'1\r\nx\r\n'.repeat(50_000)}0\r\n\r\n`);
    assert.deepEqual([outcome, body.length, pieces], ['complete', 50_000, 1]);
  });

  test('is limited to 16 KiB beyond 16 bytes per chunk and twice the data', () => {
    /** 100 bytes of framing and one byte of data: 100 - 16 - 2 bytes of excess. */
    const chunk = `1;${'a'.repeat(94)}\r\nx\r\n`;
    const allowed = Math.floor(maxExcessBytes / 82);
    assert.equal(read(`${chunk.repeat(allowed)}0\r\n\r\n`).outcome, 'complete');
    assert.equal(read(`${chunk.repeat(allowed + 1)}0\r\n\r\n`).outcome, 'bad_chunk');
  });

  test('gains new allowance after much data', () => {
    const chunk = `1;${'a'.repeat(94)}\r\nx\r\n`.repeat(150);
    const data = `4000\r\n${'x'.repeat(0x4000)}\r\n`;
    assert.equal(read(`${(chunk + data).repeat(10)}0\r\n\r\n`).outcome, 'complete');
  });
});

test('data of small chunks is merged into one piece, and a large piece is not copied', () => {
  const small = '3\r\nabc\r\n'.repeat(100);
  const large = `8000\r\n${'L'.repeat(0x8000)}\r\n`;
  const { body, pieces } = read(`${small}${large}${small}0\r\n\r\n`);
  assert.equal(body.toString('latin1'), 'abc'.repeat(100) + 'L'.repeat(0x8000) + 'abc'.repeat(100));
  assert.equal(pieces, 2);
});

describe('trailers', () => {
  test('arrive with the end, unparsed', () => {
    const { outcome, trailers } = read('2\r\nok\r\n0\r\nX-Sum: 1 \r\nx-sum:2\r\nConnection: x\r\n\r\n');
    assert.deepEqual([outcome, trailers], ['complete', ['X-Sum', '1', 'x-sum', '2', 'Connection', 'x']]);
  });

  for (const lines of [
    'X : a',
    ' X: a',
    'X',
    'X: a\x01',
    'X: a\r\n b',
    'X: a\n',
    'Content-Length: 5',
    'content-length: 2',
  ]) {
    test(`are rejected: ${JSON.stringify(lines)}`, () => {
      const { outcome, body } = read(`2\r\nok\r\n0\r\n${lines}\r\n\r\n`);
      assert.deepEqual([outcome, body.toString('latin1')], ['bad_trailer', 'ok']);
    });
  }
});
