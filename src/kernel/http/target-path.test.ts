import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pathOf } from './target-path.ts';

test('logs a path as it was sent', () => {
  for (const path of ['/', '/peer/app/a%2Fb//c/../;v=1', '*', '//x/y']) assert.equal(pathOf(path), path);
});

test('masks parts of a path that may hold a secret', () => {
  assert.equal(pathOf('/a?key=secret'), '/a');
  assert.equal(pathOf('/a#secret?b'), '/a');
  assert.equal(pathOf('/a?b#c'), '/a');
  assert.equal(pathOf('http://user:secret@host/a/b?c=/d'), '/a/b');
  assert.equal(pathOf('http://user:secret@host'), '');
  assert.equal(pathOf('http://user:secret@host?x=/y'), '');
  assert.equal(pathOf('user:secret@host:443'), '');
  assert.equal(pathOf('?secret'), '');
});
