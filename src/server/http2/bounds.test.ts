import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Clock } from '../../kernel/clock.ts';
import { RateBound } from './bounds.ts';

test('allows a burst, then a rate per second, and never more than the burst after a pause', () => {
  let nowMs = 5_000;
  const clock: Clock = { monotonicMs: () => nowMs, wallMs: () => 0 };
  const bound = new RateBound({ burst: 10, perSecond: 2 }, clock);
  const allowed = (tries: number): number => Array.from({ length: tries }, () => bound.spend()).filter(Boolean).length;
  assert.equal(allowed(10), 10);
  nowMs += 1_000;
  assert.equal(allowed(2), 2);
  nowMs += 3_600_000;
  assert.equal(allowed(11), 10);
});

test('spending beyond the limit delays recovery', () => {
  let nowMs = 0;
  const bound = new RateBound({ burst: 1, perSecond: 1 }, { monotonicMs: () => nowMs, wallMs: () => 0 });
  assert.equal(bound.spend(), true);
  for (let i = 0; i < 5; i += 1) assert.equal(bound.spend(), false);
  nowMs += 2_000;
  assert.equal(bound.spend(), false);
});
