import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Charge, Rate } from './limiter.ts';
import { MemoryLimiter } from './memory-limiter.ts';

interface Bench {
  readonly limiter: MemoryLimiter;
  readonly clock: { nowMs: number };
}

function bench(maxBuckets?: number): Bench {
  const clock = { nowMs: 1_000 };
  const limiter = new MemoryLimiter({
    clock: { monotonicMs: () => clock.nowMs, wallMs: () => 0 },
    ...(maxBuckets !== undefined && { maxBuckets }),
  });
  return { limiter, clock };
}

function charge(rate: Rate, more: Partial<Charge> = {}): Charge {
  return { level: 'key', id: 'a', cost: 1, rate, ...more };
}

const twoASecond: Rate = { requestsPerSecond: 2, burst: 3 };

test('admits a burst at once, then one request per regained token', () => {
  const { limiter, clock } = bench();
  const take = (): boolean => limiter.take([charge(twoASecond)]).refusedBy === undefined;
  assert.deepEqual([take(), take(), take(), take()], [true, true, true, false]);
  clock.nowMs += 499;
  assert.equal(take(), false);
  clock.nowMs += 1;
  assert.deepEqual([take(), take()], [true, false]);
});

test('the verdict reports what is left, when it is full, and when to retry', () => {
  const { limiter } = bench();
  assert.deepEqual(limiter.take([charge(twoASecond)]), {
    refusedBy: undefined,
    retryAfterMs: 0,
    states: [{ remaining: 2, resetMs: 500 }],
  });
  limiter.take([charge(twoASecond, { cost: 2 })]);
  assert.deepEqual(limiter.take([charge(twoASecond)]), {
    refusedBy: 0,
    retryAfterMs: 500,
    states: [{ remaining: 0, resetMs: 1_500 }],
  });
});

test('after a limit is raised, a caller that used it up waits for at most two bursts of the new limit', () => {
  const { limiter, clock } = bench();
  const admits = (rate: Rate): boolean => limiter.take([charge(rate)]).refusedBy === undefined;
  const slow = { requestsPerSecond: 0.001, burst: 10 };
  for (let i = 0; i < 10; i += 1) assert.ok(admits(slow));
  const fast = { requestsPerSecond: 10, burst: 10 };
  assert.ok(!admits(fast));
  clock.nowMs += 1_100;
  assert.deepEqual([admits(fast), admits(fast)], [true, false]);
});

test('charges no bucket if one rejects', () => {
  const { limiter } = bench();
  const wide = charge({ requestsPerSecond: 10, burst: 10 }, { level: 'global' });
  const narrow = charge({ requestsPerSecond: 1, burst: 1 });
  assert.equal(limiter.take([wide, narrow]).refusedBy, undefined);
  const refused = limiter.take([wide, narrow]);
  assert.equal(refused.refusedBy, 1);
  assert.equal(refused.states[0]?.remaining, 9);
  assert.equal(limiter.take([wide]).states[0]?.remaining, 8);
});

test('never admits a cost above the burst, and reports this', () => {
  const { limiter } = bench();
  assert.equal(limiter.take([charge(twoASecond, { cost: 4 })]).retryAfterMs, Infinity);
});

test('buckets with one name at two levels are separate', () => {
  const { limiter } = bench();
  const rate = { requestsPerSecond: 1, burst: 1 };
  assert.equal(limiter.take([charge(rate)]).refusedBy, undefined);
  assert.equal(limiter.take([charge(rate, { level: 'lease' })]).refusedBy, undefined);
});

test('limits memory: evicts full buckets first, then the fullest, so that a flood does not reset an empty one', () => {
  const { limiter, clock } = bench(100);
  const slow = { requestsPerSecond: 0.001, burst: 10 };
  const emptied = charge(slow, { id: 'emptied', cost: 10 });
  assert.equal(limiter.take([emptied]).refusedBy, undefined);
  for (let i = 0; i < 10_000; i += 1) limiter.take([charge(slow, { id: String(i) })]);
  assert.equal(limiter.buckets, 100);
  assert.equal(limiter.take([emptied]).refusedBy, 0);
  assert.equal(limiter.take([charge(slow, { id: '9999' })]).states[0]?.remaining, 8);
  clock.nowMs += 10_000_001;
  for (let i = 0; i < 50; i += 1) limiter.take([charge(twoASecond, { id: `new-${i}` })]);
  assert.equal(limiter.buckets, 50);
});

test('tolerates buckets that are evicted during a search', () => {
  const { limiter } = bench();
  const full = { remaining: 3, resetMs: 0 };
  for (let i = 0; i < 100; i += 1) {
    limiter.take([charge(twoASecond, { id: String(i) })]);
    limiter.adopt([charge(twoASecond, { id: String(i - 1) })], [full]);
  }
  assert.equal(limiter.buckets, 1);
});

test('never admits more than burst + rate · t in any interval, and never rejects a steady caller', () => {
  const rate = fc.record({
    requestsPerSecond: fc.double({ min: 0.1, max: 1_000, noNaN: true }),
    burst: fc.integer({ min: 1, max: 50 }),
  });
  const steps = fc.array(fc.record({ waitMs: fc.double({ min: 0, max: 500, noNaN: true }), tries: fc.nat(20) }), {
    maxLength: 60,
  });
  fc.assert(
    fc.property(rate, steps, (someRate, someSteps) => {
      const { limiter, clock } = bench();
      const admittedAtMs: number[] = [];
      for (const { waitMs, tries } of someSteps) {
        clock.nowMs += waitMs;
        for (let i = 0; i < tries; i += 1) {
          if (limiter.take([charge(someRate)]).refusedBy === undefined) admittedAtMs.push(clock.nowMs);
        }
      }
      for (let from = 0; from < admittedAtMs.length; from += 1) {
        for (let to = from; to < admittedAtMs.length; to += 1) {
          const seconds = ((admittedAtMs[to] ?? 0) - (admittedAtMs[from] ?? 0)) / 1_000;
          assert.ok(to - from + 1 <= someRate.burst + someRate.requestsPerSecond * seconds + 1e-6);
        }
      }
      const steady = bench();
      for (let i = 0; i < 500; i += 1) {
        steady.clock.nowMs += 1_000 / someRate.requestsPerSecond;
        assert.equal(steady.limiter.take([charge(someRate)]).refusedBy, undefined);
      }
    }),
    { numRuns: 200 },
  );
});
