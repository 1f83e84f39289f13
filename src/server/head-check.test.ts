import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { GatewayError } from '../kernel/errors/gateway-error.ts';
import { checkHead, type CheckedHead } from './head-check.ts';

interface Sent {
  readonly method?: string;
  readonly target?: string;
  readonly version?: string;
  readonly maxBodyBytes?: number;
}

/**
 * The error code of the rejection, or the description of the body. Parsers reject some of these
 * inputs earlier, but checkHead() must not rely on that.
 */
function check(fields: readonly string[], sent: Sent = {}): string | CheckedHead {
  const { method = 'POST', target = '/', version = '1.1', maxBodyBytes = 0 } = sent;
  const head = { method, target, headers: fields, upgrade: false };
  const checked = checkHead(head, version, { maxTargetBytes: 100, maxBodyBytes });
  return checked instanceof GatewayError ? checked.code : checked;
}

const host = ['Host', 'x'];

function bodyOf(...fields: string[]): unknown {
  const checked = check([...host, ...fields]);
  return typeof checked === 'string' ? checked : checked.bodyLength;
}

test('accepts exactly one body length, in one form', () => {
  assert.equal(bodyOf(), 'none');
  assert.equal(bodyOf('content-length', '0'), 'none');
  assert.equal(bodyOf('Content-Length', '0012'), 12);
  assert.equal(bodyOf('CONTENT-LENGTH', String(Number.MAX_SAFE_INTEGER)), Number.MAX_SAFE_INTEGER);
  assert.equal(bodyOf('transfer-encoding', 'Chunked'), null);
  for (const length of [
    '',
    '+1',
    '-1',
    ' 1',
    '1 ',
    '1,1',
    '0x1',
    '1e3',
    '1.0',
    '1_0',
    '9007199254740992',
    '1'.repeat(400),
  ]) {
    assert.equal(bodyOf('Content-Length', length), 'invalid_request', length);
  }
  assert.equal(bodyOf('Content-Length', '1', 'Content-Length', '1'), 'invalid_request');
  assert.equal(bodyOf('Content-Length', '1', 'Transfer-Encoding', 'chunked'), 'invalid_request');
  assert.equal(bodyOf('Content_Length', '1'), 'invalid_request');
  assert.equal(bodyOf('Transfer_Encoding', 'chunked'), 'invalid_request');
});

test('accepts no transfer coding except chunked', () => {
  const refused = { invalid_request: ['', 'identity', 'chunked, chunked', 'chunked,gzip', ',chunked', 'chunked,', 'chunked;q=1', '"chunked"', 'chun ked', 'chunked\v'], not_implemented: ['gzip', 'gzip, chunked', 'x-chunked', 'chunkedx'] }; // prettier-ignore
  for (const [code, codings] of Object.entries(refused)) {
    for (const coding of codings) assert.equal(bodyOf('Transfer-Encoding', coding), code, coding);
  }
  assert.equal(bodyOf('Transfer-Encoding', 'chunked', 'Transfer-Encoding', 'chunked'), 'invalid_request');
  assert.equal(check([...host, 'Transfer-Encoding', 'chunked'], { version: '1.0' }), 'invalid_request');
});

test('rejects a body by its length before reading any of it', () => {
  const bound = { maxBodyBytes: 10 };
  assert.deepEqual(check([...host, 'Content-Length', '10'], bound), { bodyLength: 10, expectsContinue: false });
  assert.equal(check([...host, 'Content-Length', '11'], bound), 'body_too_large');
});

test('requires exactly one Host, optional in HTTP/1.0', () => {
  assert.equal(check([]), 'invalid_request');
  assert.equal(typeof check([], { version: '1.0' }), 'object');
  for (const version of ['1.0', '1.1']) {
    assert.equal(check(['Host', 'x', 'host', 'x'], { version }), 'invalid_request');
    assert.equal(check(['Host', 'a@b'], { version }), 'invalid_request');
    assert.equal(check(['Host', ''], { version }), 'invalid_request');
  }
});

test('accepts only 100-continue as an expectation', () => {
  const length = ['Content-Length', '1'];
  assert.deepEqual(check([...host, ...length, 'Expect', '100-Continue']), { bodyLength: 1, expectsContinue: true });
  assert.equal(check([...host, 'Expect', 'x']), 'expectation_failed');
  assert.equal(check([...host, 'Expect', '100-continue, x']), 'expectation_failed');
  assert.equal(check([...host, 'Expect', '100-continue', 'Expect', 'x']), 'expectation_failed');
  const old = check([...host, ...length, 'Expect', 'x'], { version: '1.0' });
  assert.deepEqual(old, { bodyLength: 1, expectsContinue: false });
});

test('limits the size of targets and fields', () => {
  assert.equal(typeof check(host, { target: `/${'a'.repeat(99)}` }), 'object');
  assert.equal(check(host, { target: `/${'a'.repeat(100)}` }), 'uri_too_long');
  const fields = (count: number): string[] => Array.from({ length: count }, () => ['A', 'b']).flat();
  assert.equal(typeof check([...host, ...fields(199)]), 'object');
  assert.equal(check([...host, ...fields(200)]), 'headers_too_large');
});

test('accepts paths and URLs of the requested host as targets', () => {
  const cases: [target: string, taken: boolean][] = [
    ...[['/', true], ['//x', true], ['/%00', false], ['/?%00', true], ['/a#b', false], ['/?a#b', false], ['/a b', false]], // prettier-ignore
    ...[['/\x7f', false], ['/é', false], ['', false], ['x', false], ['*', false], ['http://x', true], ['HTTP://X/a', true]], // prettier-ignore
    ...[['http://x?a', true], ['http://y/', false], ['http://u@x/', false], ['http://', false], ['https://x/', true]], // prettier-ignore
    ...[['http://x:80/', true], ['https://x:80/', false], ['ws://x/', false], ['http:/x', false], ['http://x/#', false]], // prettier-ignore
  ] as [string, boolean][];
  for (const [target, taken] of cases) {
    assert.equal(typeof check(host, { target }) === 'object', taken, target);
  }
  assert.equal(typeof check(host, { target: '*', method: 'OPTIONS' }), 'object');
  assert.equal(check(host, { version: '0.9' }), 'invalid_request');
  assert.equal(check(host, { version: '2.0' }), 'invalid_request');
});

test('no head makes the check throw', () => {
  const name = fc.oneof(fc.constantFrom('Host', 'Content-Length', 'Transfer-Encoding', 'Expect'), fc.string());
  const field = fc.tuple(name, fc.string()).map(([n, value]) => [n, value]);
  fc.assert(
    fc.property(fc.array(field), fc.string(), (fields, target) => {
      check(fields.flat(), { target });
    }),
  );
});
