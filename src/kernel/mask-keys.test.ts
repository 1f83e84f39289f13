import assert from 'node:assert/strict';
import { test } from 'node:test';
import { maskKeys, maskSecrets } from './mask-keys.ts';

const key = 'sk_test_0123456789abcdefABCDEFGHIJKLMNOPQRSTUVWXYZ29cxxo';

test('masks misplaced keys of our form, including truncated ones', () => {
  assert.equal(maskKeys(`/peer/${key}/x`), '/peer/sk_test_***/x');
  assert.equal(maskKeys(key.slice(0, 20)), 'sk_test_***');
  assert.equal(maskKeys('/peer/task_list'), '/peer/task_list');
});

test('lines for people keep key ids, to tell keys apart, and the rest of a URL', () => {
  for (const [line, masked] of [
    [`unknown command "${key}"`, 'unknown command "sk_test_0123456789abcdef***"'],
    ['key_prefix: sk_live_0123456789abcdef', 'key_prefix: sk_live_0123456789abcdef'],
    ['at http://user:pass:w@rd@host:1/x?a@b', 'at http://***@host:1/x?a@b'],
    ['redis://:password@h and wss://token@h', 'redis://***@h and wss://***@h'],
    ['{"url":"http://h","mail":"a@b"}', '{"url":"http://h","mail":"a@b"}'],
    ['http://host/a//b see a@b', 'http://host/a//b see a@b'],
    ['http://host?to=a@b', 'http://host?to=a@b'],
  ] as const) {
    assert.equal(maskSecrets(line), masked);
  }
});
