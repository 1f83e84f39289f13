import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { backoffMs } from './backoff.ts';

const options = { initialMs: 500, maxMs: 30_000 };

test('in the first seconds of an outage attempts come at the initial pace', () => {
  let outageMs = 0;
  for (let failed = 1; outageMs < 4_000; failed += 1) {
    const waitMs = backoffMs(failed, options, () => 0);
    assert.ok(waitMs <= 500);
    outageMs += waitMs;
  }
});

test('after a longer outage the wait is no more than half of it', () => {
  let outageMs = 0;
  for (let failed = 1; failed < 40; failed += 1) {
    const waitMs = backoffMs(failed, options, () => 1);
    if (outageMs > 1_000) assert.ok(waitMs <= outageMs / 2, `${waitMs} ms after ${outageMs} ms`);
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

test('every wait lies between half a step and a whole one', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 10_000 }), fc.double({ min: 0, max: 1, noNaN: true }), (failed, random) => {
      const wait = backoffMs(failed, options, () => random);
      assert.ok(wait >= 250 && wait <= 30_000);
    }),
  );
});
