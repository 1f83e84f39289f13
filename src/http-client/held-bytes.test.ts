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

test('passes large pieces on as they arrived, however many are held', () => {
  const held = new HeldBytes();
  const pieces = Array.from({ length: 1_000 }, (_, i) => Buffer.alloc(i % 2 === 0 ? 16 * 1024 : 1, i));
  for (const piece of pieces) held.push(piece);
  for (const piece of pieces) assert.equal(held.shift(), piece);
});

test('copies each small byte a bounded number of times', () => {
  const held = new HeldBytes();
  for (let i = 0; i < 100_000; i += 1) held.push(Buffer.from([i & 0xff]));
  let pieces = 0;
  for (let read = 0; read < 100_000; pieces += 1) read += held.shift().length;
  assert.ok(pieces < 200, `${pieces} pieces`);
});
