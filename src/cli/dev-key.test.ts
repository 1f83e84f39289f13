import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkOf, createDevKey } from './dev-key.ts';

test('the check is the one of the product contract', () => {
  assert.equal(checkOf('sk_test_0123456789abcdefABCDEFGHIJKLMNOPQRSTUVWXYZ'), '29cxxo');
});

test('a small check keeps its six characters', () => {
  // CRC-32 of the empty text is 0.
  assert.equal(checkOf(''), '000000');
});

test('a key has the form of the contract and carries its own check', () => {
  const key = createDevKey();
  assert.match(key, /^sk_test_[0-9A-Za-z]{48}$/);
  assert.equal(checkOf(key.slice(0, -6)), key.slice(-6));
  assert.notEqual(createDevKey(), key);
});
