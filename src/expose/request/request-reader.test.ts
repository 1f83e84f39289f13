import assert from 'node:assert/strict';
import process from 'node:process';
import { test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { readRequest } from '../../../test/helpers/request-reading.ts';
import { GatewayError } from '../../kernel/errors/gateway-error.ts';
import { RequestReader } from './request-reader.ts';

function read(text: string): ReturnType<typeof readRequest> {
  return readRequest([Buffer.from(text, 'latin1')]);
}

const get = (fields: string): string => `GET / HTTP/1.1\r\nHost: x\r\n${fields}\r\n`;

const refused: readonly (readonly [what: string, text: string, code: string])[] = [
  ['a space in the target', 'GET /a b HTTP/1.1\r\nHost: x\r\n\r\n', 'invalid_request'],
  ['a fragment in the target', 'GET /a#b HTTP/1.1\r\nHost: x\r\n\r\n', 'invalid_request'],
  ['a control character in the target', 'GET /\x01 HTTP/1.1\r\nHost: x\r\n\r\n', 'invalid_request'],
  ['two spaces in the request line', 'GET  / HTTP/1.1\r\nHost: x\r\n\r\n', 'invalid_request'],
  ['the preface of HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'invalid_request'],
  ['an endless request line', `GET /${'a'.repeat(40_000)}`, 'uri_too_long'],
  ['too many fields', `GET / HTTP/1.1\r\nHost: x\r\n${'a: b\r\n'.repeat(12_000)}\r\n`, 'headers_too_large'],
  ['no Host', 'GET / HTTP/1.1\r\n\r\n', 'invalid_request'],
  ['two Hosts', get('host: x\r\n'), 'invalid_request'],
  ['a bare LF', 'GET / HTTP/1.1\nHost: x\r\n\r\n', 'invalid_request'],
  ['a bare LF between fields', 'GET / HTTP/1.1\r\nHost: x\nX: 1\r\n\r\n', 'invalid_request'],
  ['a folded field', get('X: 1\r\n 2\r\n'), 'invalid_request'],
  ['whitespace before a colon', get('X : 1\r\n'), 'invalid_request'],
  ['NUL in a value', get('X: \0\r\n'), 'invalid_request'],
  ['differing lengths', get('Content-Length: 1\r\nContent-Length: 2\r\n'), 'invalid_request'],
  ['equal lengths', get('Content-Length: 1\r\nContent-Length: 1\r\n'), 'invalid_request'],
  ['a length with a sign', get('Content-Length: +1\r\n'), 'invalid_request'],
  ['a length and chunks', get('Content-Length: 1\r\nTransfer-Encoding: chunked\r\n'), 'invalid_request'],
  ['chunks in HTTP/1.0', 'POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n', 'invalid_request'],
  ['another coding besides chunked', get('Transfer-Encoding: gzip, chunked\r\n'), 'not_implemented'],
  ['CONNECT', 'CONNECT x:443 HTTP/1.1\r\nHost: x\r\n\r\n', 'not_implemented'],
  ['an unknown expectation', get('Expect: 200-ok\r\n'), 'expectation_failed'],
  ['an invalid chunk size', `${get('Transfer-Encoding: chunked\r\n')}x\r\n`, 'invalid_request'],
  ['a chunk without its line end', `${get('Transfer-Encoding: chunked\r\n')}1\r\nab\r\n`, 'invalid_request'],
  [
    'a length after the body',
    `${get('Transfer-Encoding: chunked\r\n')}0\r\nContent-Length: 1\r\n\r\n`,
    'invalid_request',
  ],
];
for (const [what, text, code] of refused) {
  test(`rejects ${what}`, () => {
    const reading = read(text);
    assert.deepEqual([reading.outcome, reading.code], ['refused', code]);
  });
}

test('rejects bytes that cannot begin a request before the line is complete', () => {
  assert.equal(read('\x16\x03\x01').code, 'invalid_request');
  assert.equal(read('GET /').outcome, 'incomplete');
});

test('reads a head of 60,000 bytes, byte by byte, in linear time', () => {
  const bytes = Buffer.from(get(`X: ${'x'.repeat(60_000)}\r\n`));
  const startMs = process.cpuUsage().user / 1000;
  const reading = readRequest(Array.from(bytes, (_, i) => bytes.subarray(i, i + 1)));
  assert.equal(reading.outcome, 'complete');
  assert.ok(process.cpuUsage().user / 1000 - startMs < 2_000);
});

test('determines persistence, offered protocols and expectations', () => {
  const head = (text: string): unknown => {
    const { persistent, offeredProtocols, expectsContinue } = read(text).head ?? {};
    return [persistent, offeredProtocols, expectsContinue];
  };
  assert.deepEqual(head(get('')), [true, '', false]);
  assert.deepEqual(head(get('Connection: x, Close\r\n')), [false, '', false]);
  assert.deepEqual(head('GET / HTTP/1.0\r\n\r\n'), [false, '', false]);
  assert.deepEqual(head('GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n'), [true, '', false]);
  assert.deepEqual(head(get('Connection: Upgrade\r\nUpgrade: h2c, echo\r\n')), [true, 'echo', false]);
  assert.deepEqual(head(get('Upgrade: echo\r\n')), [true, '', false]);
  assert.deepEqual(head(get('Connection: Upgrade\r\nUpgrade: echo\r\nContent-Length: 1\r\n')), [true, '', false]);
  assert.deepEqual(head(get('Expect: 100-Continue\r\nContent-Length: 1\r\n')), [true, '', true]);
  assert.deepEqual(head('POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n'), [false, '', false]);
});

test('reads one request at a time, and stops body delivery while paused', () => {
  const events: string[] = [];
  const reader: RequestReader = new RequestReader({
    head: ({ target }) => events.push(target),
    data: (chunk) => {
      events.push(chunk.toString());
      reader.pause();
    },
    end: () => events.push('end'),
  });
  const post = (target: string): string =>
    `POST ${target} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n`;
  reader.push(Buffer.from(post('/1').slice(0, -5)));
  reader.push(Buffer.from(`0\r\n\r\n${post('/2')}`));
  assert.deepEqual(events.splice(0), ['/1', 'abc']);
  reader.resume();
  assert.deepEqual(events.splice(0), ['end']);
  assert.equal(reader.heldBytes, post('/2').length);
  reader.next();
  assert.deepEqual(events.splice(0), ['/2', 'abc']);
  reader.resume();
  assert.deepEqual(events, ['end']);
  assert.equal(reader.rest().length, 0);
});

test('reads nothing after an error', () => {
  const heads: string[] = [];
  const reader = new RequestReader({
    head: ({ target }) => heads.push(target),
    data: () => undefined,
    end: () => undefined,
  });
  assert.throws(() => {
    reader.push(Buffer.from('nonsense\r\n'));
  }, GatewayError);
  reader.push(Buffer.from(get('')));
  assert.deepEqual(heads, []);
});

test('retained single bytes do not keep the buffers they arrived in', async () => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const reader = new RequestReader({ head: () => undefined, data: () => undefined, end: () => undefined });
  const push = (text: string): void => {
    for (const character of text) reader.push(Buffer.allocUnsafeSlow(4096).fill(character).subarray(0, 1));
  };
  const settled = async (): Promise<void> => {
    collect();
    // Node frees buffers outside the main thread.
    await new Promise(setImmediate);
    collect();
  };
  const retainedBytes = async (text: string): Promise<number> => {
    await settled();
    const before = process.memoryUsage().arrayBuffers;
    push(text);
    await settled();
    return process.memoryUsage().arrayBuffers - before;
  };
  const maxBytes = 1024 * 1024;
  const inLine = await retainedBytes(`GET /${'a'.repeat(10_000)}`);
  assert.ok(inLine < maxBytes, `${inLine} bytes`);
  push(' HTTP/1.1\r\nHost: x\r\n\r\n');
  const behind = await retainedBytes('a'.repeat(10_000));
  assert.ok(behind < maxBytes, `${behind} bytes`);
  assert.equal(reader.heldBytes, 10_000);
});
