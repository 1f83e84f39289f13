import assert from 'node:assert/strict';
import { test } from 'node:test';
import { forwardedElements } from './parse-forwarded.ts';

const fors = (value: string): string[] => forwardedElements(value).map((element) => element.for);

test('parses elements with their parameters, in any case and order', () => {
  assert.deepEqual(forwardedElements('For="[2001:db8::1]:4711";PROTO=https;by=203.0.113.43;host="a.example:8443"'), [
    { for: '[2001:db8::1]:4711', host: 'a.example:8443', proto: 'https' },
  ]);
  assert.deepEqual(fors('for=192.0.2.1, for="10.0.0.1";proto=http , for=unknown'), [
    '192.0.2.1',
    '10.0.0.1',
    'unknown',
  ]);
  // Invalid by the grammar, but many proxies send it.
  assert.deepEqual(fors('for=[2001:db8::1]:80, for=192.0.2.1:80'), ['[2001:db8::1]:80', '192.0.2.1:80']);
});

test('commas, semicolons and escapes within quotes are not separators', () => {
  const [element] = forwardedElements(String.raw`for=192.0.2.1;host="a, b; \"c\\d"`);
  assert.deepEqual(element, { for: '192.0.2.1', host: String.raw`a, b; "c\d`, proto: '' });
});

test('an element without `for` names no address', () => {
  assert.deepEqual(fors('proto=https'), ['']);
});

test('a malformed element invalidates elements before it, not after it', () => {
  for (const bad of [
    'for="',
    'for=1.1.1.1;host="',
    'for',
    '=x',
    'for=',
    'for=a b',
    'for=a;for=b',
    '',
    'for="a"b',
    '"',
  ]) {
    assert.deepEqual(fors(`for=9.9.9.9, ${bad}, for=192.0.2.1;host="x"`), ['192.0.2.1'], bad);
  }
  assert.deepEqual(fors(''), []);
  assert.deepEqual(fors(','), []);
});

test('a hostile value takes little time', () => {
  const startMs = performance.now();
  forwardedElements('for="a,'.repeat(4_000));
  forwardedElements(`${'for=a;'.repeat(5_000)},`);
  assert.ok(performance.now() - startMs < 2_000);
});
