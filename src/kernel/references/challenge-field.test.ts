import assert from 'node:assert/strict';
import { test } from 'node:test';
import { rewriteChallenge } from './challenge-field.ts';

const mark = (url: string): string => `[${url}]`;

test('finds URLs in any parameter, quoted or not, and nothing else', () => {
  for (const [value, rewritten] of [
    ['Bearer resource_metadata="http://a/x"', 'Bearer resource_metadata="[http://a/x]"'],
    ['Bearer resource_metadata=https://a/x, scope=y', 'Bearer resource_metadata=[https://a/x], scope=y'],
    ['Bearer realm="HTTPS://a/t",service="r",scope="s:t"', 'Bearer realm="[HTTPS://a/t]",service="r",scope="s:t"'],
    ['Digest domain="http://a/x /y http://b/"', 'Digest domain="[http://a/x] /y [http://b/]"'],
    ['Basic realm="x", Bearer realm="http://a"', 'Basic realm="x", Bearer realm="[http://a]"'],
    ['Bearer u="https://idp/?r=http://a/x"', 'Bearer u="[https://idp/?r=http://a/x]"'],
    ['Bearer realm="see http://a, or http://b"', 'Bearer realm="see [http://a], or [http://b]"'],
    ...['Bearer realm="xhttp://a"', 'Basic realm="a"', '', 'Bearer u="//a/x"', 'Bearer u="ftp://a"'].map((same) => [
      same,
      same,
    ]),
  ] as const) {
    assert.equal(rewriteChallenge(value, mark, 1_000), rewritten);
  }
});

test('a rewritten URL cannot end its quotes', () => {
  assert.equal(
    rewriteChallenge('Bearer realm="http://a"', (url) => `${url}"\\`, 1_000),
    'Bearer realm="http://a%22%5C"',
  );
});

test('drops a value that would exceed the limit', () => {
  const value = 'Bearer a="http://a",'.repeat(50);
  assert.equal(rewriteChallenge(value, mark, value.length + 100)?.length, value.length + 100);
  assert.equal(rewriteChallenge(value, mark, value.length + 99), undefined);
});

test('any value takes linear time', () => {
  const startedMs = performance.now();
  for (const part of ['http', 'http:', 'http://', 'http://a', 'http://a ', 'https://"', 's', ' ', '"', '://', 'h']) {
    const value = part.repeat(65_536 / part.length);
    assert.equal(
      rewriteChallenge(`x://${value}`, (url) => url, 100_000),
      `x://${value}`,
    );
  }
  assert.ok(performance.now() - startedMs < 1_000);
});
