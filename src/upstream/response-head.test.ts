import assert from 'node:assert/strict';
import { test } from 'node:test';
import { responseHead, responseTrailers, type Answered } from './response-head.ts';

const via = ['Via', '1.1 portal-gateway'];
const got: Answered = { method: 'GET', status: 200, version: '1.1' };

test('end-to-end fields pass as received, and Via is appended', () => {
  const raw = ['set-cookie', 'a=1', 'Set-Cookie', 'b=2', 'VIA', '1.1 app', 'content-LENGTH', '0'];
  assert.deepEqual(responseHead(raw, got), { headers: [...raw, ...via], endsByClose: false, endsHere: false });
  assert.deepEqual(responseHead([], { ...got, version: '1.0' }).headers, ['Via', '1.0 portal-gateway']);
});

test('hop-by-hop fields, those that Connection names and a second request id do not pass', () => {
  const raw = [
    'Connection',
    'close, X-Hop',
    'X-Hop',
    '1',
    'Keep-Alive',
    'timeout=5',
    'Upgrade',
    'h2c',
    'X-Request-Id',
    'a',
  ];
  assert.deepEqual(responseHead([...raw, 'X', '1'], got).headers, ['X', '1', ...via]);
});

test('a body that only the end of the connection ends is told apart', () => {
  assert.equal(responseHead(['Connection', 'close'], got).endsByClose, true);
  assert.equal(responseHead(['Connection', 'close'], { ...got, method: 'HEAD' }).endsByClose, false);
  assert.equal(responseHead(['Connection', 'close'], { ...got, status: 304 }).endsByClose, false);
  assert.equal(responseHead(['Transfer-Encoding', 'Chunked'], got).endsByClose, false);
  assert.equal(responseHead(['Content-Length', '3'], got).endsByClose, false);
});

test('the length of what is not sent is told, but for what has none', () => {
  const raw = ['Content-Length', '5'];
  for (const answered of [{ ...got, method: 'HEAD' }, { ...got, status: 304 }, got]) {
    assert.deepEqual(responseHead(raw, answered).headers, [...raw, ...via]);
  }
  for (const status of [103, 204]) assert.deepEqual(responseHead(raw, { ...got, status }).headers, via);
});

test('a 205 has no content, whatever its framing promises', () => {
  const reset = { ...got, status: 205 };
  const none = [...via, 'Content-Length', '0'];
  assert.deepEqual(responseHead(['Content-Length', '00'], reset), {
    headers: none,
    endsByClose: false,
    endsHere: false,
  });
  for (const raw of [['Content-Length', '2'], ['Transfer-Encoding', 'chunked'], []]) {
    assert.deepEqual(responseHead(raw, reset), { headers: none, endsByClose: false, endsHere: true }, raw.join());
  }
  assert.equal(responseHead(['Content-Length', '2'], { ...reset, method: 'HEAD' }).endsHere, false);
});

test('framing that can be read in two ways is refused', () => {
  const chunked = ['Transfer-Encoding', 'chunked'];
  const bad = [
    [...chunked, 'Content-Length', '2'],
    ['Content-Length', '2', ...chunked],
    [...chunked, ...chunked],
    ['Content-Length', '2', 'content-length', '2'],
  ];
  for (const coding of ['gzip, chunked', 'gzip', 'identity', 'chunked, chunked', ''])
    bad.push(['Transfer-Encoding', coding]);
  for (const length of ['', '2, 2', '+2', '-2', '2x', ' 2', '9007199254740993', '0x2', '99999999999999999']) {
    bad.push(['Content-Length', length]);
  }
  for (const raw of bad) {
    assert.throws(() => responseHead(raw, got), { code: 'bad_upstream_response' }, raw.join());
    assert.throws(() => responseHead(raw, { ...got, method: 'HEAD' }), { code: 'bad_upstream_response' }, raw.join());
  }
  assert.throws(() => responseHead(chunked, { ...got, version: '1.0' }), { code: 'bad_upstream_response' });
});

test('trailers pass without what frames a message or belongs to its head', () => {
  const trailers = [
    'X-Sum',
    '1',
    'Content-Length',
    '9',
    'transfer-encoding',
    'chunked',
    'Connection',
    'x',
    'Set-Cookie',
    'a',
  ];
  assert.deepEqual(responseTrailers([...trailers, 'X-Request-ID', 'forged']), ['X-Sum', '1']);
});
