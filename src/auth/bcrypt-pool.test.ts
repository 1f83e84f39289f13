import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bcryptConcurrency } from './bcrypt-pool.ts';

test('a core and a thread are left to others, and one bcrypt runs in any case', () => {
  assert.equal(bcryptConcurrency(1, undefined), 1);
  assert.equal(bcryptConcurrency(2, undefined), 1);
  assert.equal(bcryptConcurrency(4, undefined), 3);
  assert.equal(bcryptConcurrency(64, undefined), 3);
  assert.equal(bcryptConcurrency(64, '16'), 15);
  assert.equal(bcryptConcurrency(8, '16'), 7);
  assert.equal(bcryptConcurrency(8, '1'), 1);
  assert.equal(bcryptConcurrency(8, 'many'), 3);
});
