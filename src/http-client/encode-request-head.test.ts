import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { encodeRequestHead, InvalidRequestError } from './encode-request-head.ts';

const host = ['Host', 'a'];

test('writes a head as given: order, spelling, duplicates and non-ASCII bytes', () => {
  const headers = ['hOST', 'a', 'X', '', 'x', 'caf\xe9\t1'];
  assert.equal(
    encodeRequestHead({ method: 'M-SEARCH', target: '/a%2Fb?c=d', headers }).toString('latin1'),
    'M-SEARCH /a%2Fb?c=d HTTP/1.1\r\nhOST: a\r\nX: \r\nx: caf\xe9\t1\r\n\r\n',
  );
  for (const target of ['*', 'http://a/b', '/']) encodeRequestHead({ method: 'OPTIONS', target, headers: host });
});

test('rejects a head that would parse differently', () => {
  const bad: [string, string, string[]][] = [
    ['', '/', host],
    ['GET /', '/', host],
    ['GET\r\n', '/', host],
    ['GET', '', host],
    ['GET', '/ HTTP/1.1\r\nX: 1', host],
    ['GET', '/a b', host],
    ['GET', '/\u0100', host],
    ['GET', '/\x7f', host],
  ];
  for (const name of ['', 'A:', 'A B', 'A\r\nB', 'caf\xe9', ' A']) bad.push(['GET', '/', [name, '1']]);
  for (const value of ['a\r\nb', 'a\n', '\r', '\0', '\x7f', '\x1b', '\u010d\u010a'])
    bad.push(['GET', '/', ['A', value]]);
  for (const [method, target, headers] of bad) {
    assert.throws(
      () => encodeRequestHead({ method, target, headers }),
      InvalidRequestError,
      JSON.stringify([method, target, headers]),
    );
  }
});

test('any accepted head has as many lines as fields', () => {
  const text = fc.string({ unit: 'binary', maxLength: 12 });
  fc.assert(
    fc.property(text, text, fc.array(text, { maxLength: 6 }), (method, target, fields) => {
      const headers = fields.length % 2 === 0 ? fields : fields.slice(1);
      let head: string;
      try {
        head = encodeRequestHead({ method, target, headers }).toString('latin1');
      } catch (error) {
        assert.ok(error instanceof InvalidRequestError);
        return;
      }
      assert.equal(head.split('\r\n').length, headers.length / 2 + 3);
      assert.doesNotMatch(head.replaceAll('\r\n', ''), /[\r\n\0]/);
    }),
    { numRuns: 5_000 },
  );
});
