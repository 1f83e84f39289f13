import assert from 'node:assert/strict';
import { test } from 'node:test';
import { responseHead } from './response-head.ts';

const via = ['Via', '1.1 portal-gateway'];

test('end-to-end fields pass as received, and Via is appended', () => {
  const raw = ['set-cookie', 'a=1', 'Set-Cookie', 'b=2', 'VIA', '1.1 app', 'content-LENGTH', '0'];
  assert.deepEqual(responseHead(raw, false), { headers: [...raw, ...via], endsByClose: false });
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
  assert.deepEqual(responseHead([...raw, 'X', '1'], true).headers, ['X', '1', ...via]);
});

test('a body that only the end of the connection ends is told apart', () => {
  assert.equal(responseHead(['Connection', 'close'], false).endsByClose, true);
  assert.equal(responseHead(['Connection', 'close'], true).endsByClose, false);
  assert.equal(responseHead(['Transfer-Encoding', 'Chunked'], false).endsByClose, false);
  assert.equal(responseHead(['Content-Length', '3'], false).endsByClose, false);
});

test('a transfer coding that is not chunked is refused: without its name the body could not be read', () => {
  for (const coding of ['gzip, chunked', 'gzip', 'identity']) {
    assert.throws(() => responseHead(['Transfer-Encoding', coding], false), { code: 'bad_upstream_response' }, coding);
  }
});
