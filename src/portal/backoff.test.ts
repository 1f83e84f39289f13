import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { backoffMs } from './backoff.ts';

const options = { initialMs: 500, maxMs: 30_000 };

test('the wait grows from the second attempt on', () => {
  const waits = [1, 2, 3, 4].map((failed) => backoffMs(failed, options, () => 1));
  assert.deepEqual(waits, [500, 750, 1_125, 1_687.5]);
});

test('the wait is at most half of the outage so far plus the initial wait', () => {
  let outageMs = 0;
  for (let failed = 1; failed < 40; failed += 1) {
    const waitMs = backoffMs(failed, options, () => 1);
    assert.ok(waitMs <= outageMs / 2 + options.initialMs, `${waitMs} ms after ${outageMs} ms`);
    outageMs += waitMs;
  }
});

test('the wait grows to the maximum and stays there', () => {
  assert.equal(backoffMs(25, options, () => 0) > 1000, true);
  assert.equal(
    backoffMs(1_000_000, options, () => 1),
    30_000,
  );
});

test('every wait is between half a step and a full step', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 10_000 }), fc.double({ min: 0, max: 1, noNaN: true }), (failed, random) => {
      const wait = backoffMs(failed, options, () => random);
      assert.ok(wait >= 250 && wait <= 30_000);
    }),
  );
});
