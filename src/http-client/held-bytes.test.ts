import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HeldBytes } from './held-bytes.ts';

test('returns the bytes in order, piece by piece or all at once', () => {
  const held = new HeldBytes();
  held.push(Buffer.from('ab'));
  held.push(Buffer.from('cd'));
  assert.equal(held.shift().toString(), 'ab');
  held.unshift(Buffer.from('b'));
  assert.equal(held.length, 3);
  assert.equal(held.takeAll().toString(), 'bcd');
  assert.equal(held.length, 0);
  assert.equal(held.shift().length, 0);
  assert.equal(held.takeAll().length, 0);
});

test('merges many small pieces', () => {
  const held = new HeldBytes();
  for (let i = 0; i < 1_000; i += 1) held.push(Buffer.from([i & 0xff]));
  assert.equal(held.length, 1_000);
  assert.ok(held.shift().length > 900);
  held.clear();
  assert.equal(held.length, 0);
});
