import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MinRoundTrip } from './round-trip.ts';

test('uses the shortest round trip of the last 20 seconds', () => {
  const roundTrip = new MinRoundTrip();
  assert.equal(roundTrip.ms, Infinity);
  roundTrip.sample(90, 1_000);
  roundTrip.sample(80, 1_500);
  roundTrip.sample(400, 2_000);
  assert.equal(roundTrip.ms, 80);
  // The path became longer.
  roundTrip.sample(200, 12_000);
  assert.equal(roundTrip.ms, 80);
  roundTrip.sample(210, 22_000);
  assert.equal(roundTrip.ms, 200);
});
