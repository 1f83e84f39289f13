import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkOf, createApiKey, keyFormOf } from './api-key.ts';

const example = 'sk_test_0123456789abcdefABCDEFGHIJKLMNOPQRSTUVWXYZ29cxxo';

test('recognises a key with a valid checksum as ours', () => {
  assert.equal(keyFormOf(example), 'ours');
  assert.equal(checkOf(example.slice(0, -6)), '29cxxo');
});

test('recognises generated keys as ours, and no two are equal', () => {
  const keys = Array.from({ length: 200 }, (_, i) => createApiKey(i % 2 === 0 ? 'live' : 'test'));
  assert.equal(new Set(keys).size, 200);
  for (const key of keys) assert.equal(keyFormOf(key), 'ours');
  assert.match(keys[0] ?? '', /^sk_live_/);
});

test('detects any single changed character', () => {
  for (let at = 8; at < example.length; at += 1) {
    const other = example[at] === 'x' ? 'y' : 'x';
    assert.equal(keyFormOf(example.slice(0, at) + other + example.slice(at + 1)), 'mistyped');
  }
});

test('treats keys of any other form as foreign', () => {
  for (const key of [
    '',
    'sk_test_',
    example.slice(1),
    `${example}a`,
    example.replace('test', 'prod'),
    `${example}\n`,
  ]) {
    assert.equal(keyFormOf(key), 'foreign');
  }
});
