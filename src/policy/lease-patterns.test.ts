import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LeasePatterns } from './lease-patterns.ts';

const id = 'ABCDEFGHIJKLMNOPQRSTUVWX27';
const other = 'ZZZZZZZZZZZZZZZZZZZZZZZZ22';

function find(patterns: readonly string[], name: string, leaseId = id): string | undefined {
  return new LeasePatterns(patterns.map((pattern) => [pattern, pattern] as const)).find(leaseId, name);
}

test('the most specific pattern wins, in any order', () => {
  const all = ['*', 'app-*', 'app', 'a*', 'app-one', id];
  for (const patterns of [all, all.toReversed()]) {
    assert.equal(find(patterns, 'app-one'), id);
    assert.equal(find(patterns, 'app-one', other), 'app-one');
    assert.equal(find(patterns, 'app-two', other), 'app-*');
    assert.equal(find(patterns, 'app', other), 'app');
    assert.equal(find(patterns, 'ape', other), 'a*');
    assert.equal(find(patterns, 'b', other), '*');
  }
  assert.equal(find(['app'], 'b'), undefined);
  assert.equal(find([], 'b'), undefined);
});

test('compares names ignoring case and normalisation form', () => {
  assert.equal(find(['CAFÉ'], 'cafe\u0301'), 'CAFÉ');
  assert.equal(find(['Öl-*'], 'o\u0308l-1'), 'Öl-*');
});

test('a lease named after an id gets nothing from that lease', () => {
  assert.equal(find([other], other), undefined);
  assert.equal(find([other], other.toLowerCase()), undefined);
});

test('prefixes match names, not ids', () => {
  assert.equal(find(['AB*'], 'x'), undefined);
});

test('text in the form of an id is an id in any case, and never a name', () => {
  const id = 'ABCDEFGHIJKLMNOPQRSTUVWX27';
  const patterns = new LeasePatterns([
    [id.toLowerCase(), 'by id'],
    ['abcd*', 'by prefix'],
  ]);
  assert.equal(patterns.find(id, ''), 'by id');
  // As a client sends it, before the lease is known.
  assert.equal(patterns.find(id.toLowerCase(), id.toLowerCase()), 'by id');
  const other = 'ABCDZZZZZZZZZZZZZZZZZZZZZZ';
  assert.equal(patterns.find(other, other), undefined);
  assert.deepEqual(patterns.all(other, [id, id.toLowerCase(), other]), []);
});
