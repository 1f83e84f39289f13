import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { backoffMs } from './backoff.ts';

const options = { initialMs: 500, maxMs: 30_000 };

test('the first attempts after a loss come at the initial pace', () => {
  for (const failed of [1, 2, 3, 4]) assert.equal(backoffMs(failed, options, () => 0.999_999_999) <= 500, true);
});

test('the wait grows to the maximum and stays there', () => {
  assert.equal(backoffMs(10, options, () => 0) > 1000, true);
  assert.equal(
    backoffMs(1_000_000, options, () => 1),
    30_000,
  );
});

test('every wait lies between half a step and a whole one', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 10_000 }), fc.double({ min: 0, max: 1, noNaN: true }), (failed, random) => {
      const wait = backoffMs(failed, options, () => random);
      assert.ok(wait >= 250 && wait <= 30_000);
    }),
  );
});
