import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { LocalLimiter } from '../local-limiter.ts';
import { MemoryLimiter } from '../memory-limiter.ts';
import { type Amounts, type KeyQuotas, none, type QuotaLimits, type QuotaVerdict } from './quota.ts';
import { QuotaCalendar } from './quota-calendar.ts';
import { QuotaLedger, type UsageChange } from './quota-ledger.ts';

const noon = Date.parse('2026-11-24T12:00:00Z');
const hourMs = 3_600_000;

interface Bench {
  readonly ledger: QuotaLedger;
  readonly clock: { nowMs: number };
  /** Takes one more request of the key. */
  readonly take: (key: string, quotas: KeyQuotas) => QuotaVerdict;
  readonly left: (key: string, quotas: KeyQuotas) => readonly number[];
}

function bench(maxCounters?: number): Bench {
  const clock = { nowMs: noon };
  const time = { monotonicMs: () => 0, wallMs: () => clock.nowMs };
  const ledger = new QuotaLedger({ clock: time, ...(maxCounters !== undefined && { maxCounters }) });
  const limiter = new LocalLimiter(new MemoryLimiter({ clock: time }), ledger);
  return {
    ...{ ledger, clock },
    take: (key, quotas) => limiter.take([], { key, quotas }).quota ?? assert.fail(),
    left: (key, quotas) => ledger.look({ key, quotas }).states.map(({ remaining }) => remaining),
  };
}

function quotas(daily?: QuotaLimits, monthly?: QuotaLimits, timeZone = 'UTC'): KeyQuotas {
  return { calendar: new QuotaCalendar(timeZone), daily, monthly };
}

function added(amounts: Partial<Amounts>): Amounts {
  return { ...none, ...amounts };
}

describe('a quota', () => {
  test('admits as many requests as its limit, reports what is left, and resets at midnight', () => {
    const { clock, take } = bench();
    const two = quotas({ requests: 2 });
    const first = take('a', two);
    assert.deepEqual(first, {
      refusedBy: undefined,
      states: [
        { kind: 'daily', resource: 'requests', limit: 2, remaining: 1, windowMs: 24 * hourMs, resetMs: 12 * hourMs },
      ],
    });
    assert.equal(take('a', two).refusedBy, undefined);
    const refused = take('a', two);
    assert.equal(refused.refusedBy?.resetMs, 12 * hourMs);
    assert.equal(refused.states[0]?.remaining, 0);
    clock.nowMs += 12 * hourMs - 1;
    assert.equal(take('a', two).refusedBy?.resetMs, 1);
    clock.nowMs += 1;
    assert.equal(take('a', two).refusedBy, undefined);
  });

  test('counts in all of its parts or in none', () => {
    const { take } = bench();
    const both = quotas({ requests: 1 }, { requests: 5, bytes: 100 });
    take('a', both);
    const refused = take('a', both);
    assert.equal(refused.refusedBy?.kind, 'daily');
    assert.deepEqual(
      refused.states.map(({ remaining }) => remaining),
      [0, 4, 100],
    );
  });

  test('reports the used-up limit that resets last', () => {
    const { ledger, take } = bench();
    const both = quotas({ requests: 1 }, { bytes: 10 });
    take('a', both);
    ledger.add({ key: 'a', quotas: both }, added({ bytes: 50 }));
    const { refusedBy } = take('a', both);
    assert.deepEqual([refusedBy?.kind, refusedBy?.resource], ['monthly', 'bytes']);
  });

  test('counts bytes and tokens when they are known, also those beyond the limit', () => {
    const { ledger, clock, take } = bench();
    const some = quotas({ bytes: 10, llmTokens: 10 });
    take('a', some);
    ledger.add({ key: 'a', quotas: some }, added({ bytes: 9, llmTokens: 9 }));
    assert.equal(take('a', some).refusedBy, undefined);
    ledger.add({ key: 'a', quotas: some }, added({ llmTokens: 900 }));
    assert.equal(take('a', some).refusedBy?.resource, 'llmTokens');
    clock.nowMs += 24 * hourMs;
    assert.deepEqual(
      take('a', some).states.map(({ remaining }) => remaining),
      [10, 10],
    );
  });

  test('distinguishes keys, also those that look like a period', () => {
    const { take } = bench();
    const one = quotas({ requests: 1 });
    for (const key of ['a', 'A', '2026-11-24', '__proto__', 'constructor']) {
      assert.equal(take(key, one).refusedBy, undefined, key);
      assert.equal(take(key, one).refusedBy?.resource, 'requests', key);
    }
  });

  test('refunds a request that was not admitted after all, and never more than that', () => {
    const { ledger, clock, take, left } = bench();
    const one = quotas({ requests: 1 });
    take('a', one);
    ledger.give({ key: 'a', quotas: one });
    assert.equal(take('a', one).refusedBy, undefined);
    clock.nowMs += 12 * hourMs;
    ledger.give({ key: 'a', quotas: one });
    assert.equal(left('a', one)[0], 1);
  });
});

describe('changes to be saved', () => {
  const some = quotas({ requests: 10 });

  test('contain each change once, with its total, and the current count of every meter', () => {
    const { ledger, take } = bench();
    take('a', some);
    const meter = {
      report: () => {
        ledger.add({ key: 'a', quotas: some }, added({ bytes: 7 }));
      },
    };
    ledger.watch(meter);
    assert.deepEqual(ledger.changes(10), [
      {
        key: 'a',
        period: '2026-11-24',
        used: added({ requests: 1, bytes: 7 }),
        added: added({ requests: 1, bytes: 7 }),
      },
    ]);
    ledger.unwatch(meter);
    take('a', some);
    assert.deepEqual(
      ledger.changes(10).map((change) => [change.used.requests, change.added.requests]),
      [[2, 1]],
    );
    assert.deepEqual(ledger.changes(10), []);
  });

  test('contain no more than requested at once', () => {
    const { ledger, take } = bench();
    for (const key of ['a', 'b', 'c']) take(key, some);
    const taken = [ledger.changes(2), ledger.changes(2), ledger.changes(2)].map((batch) => batch.map(({ key }) => key));
    assert.deepEqual(taken, [['a', 'b'], ['c'], []]);
  });

  test('usage learned from others is combined with local unsaved usage, and never decreases', () => {
    const { ledger, take, left } = bench();
    const record = { key: 'a', period: '2026-11-24' };
    take('a', some);
    ledger.learn([{ ...record, used: added({ requests: 4 }) }]);
    assert.equal(left('a', some)[0], 5);
    const batch = ledger.changes(10);
    take('a', some);
    ledger.settle(batch, [{ ...record, used: added({ requests: 7 }) }]);
    assert.equal(left('a', some)[0], 2);
    ledger.learn([{ ...record, used: added({ requests: 0 }) }]);
    assert.equal(left('a', some)[0], 2);
  });

  test('a refund made while its charge is being saved is saved after it', () => {
    const { ledger, take, left } = bench();
    take('a', some);
    const batch = ledger.changes(10);
    ledger.give({ key: 'a', quotas: some });
    assert.equal(left('a', some)[0], 10);
    ledger.settle(batch, batch);
    assert.equal(left('a', some)[0], 10);
    assert.deepEqual(
      ledger.changes(10).map((change) => change.added),
      [added({ returned: 1 })],
    );
  });

  test('limits memory: drops expired periods, and the oldest entries if there are too many', () => {
    const { ledger, clock, take } = bench(50);
    const both = quotas({ requests: 10 }, { requests: 100 });
    for (let day = 0; day < 100; day += 1) {
      for (let key = 0; key < 5; key += 1) take(String(key), both);
      assert.ok(ledger.counters <= 20, String(ledger.counters));
      clock.nowMs += 24 * hourMs;
    }
    for (let key = 0; key < 1_000; key += 1) take(String(key), both);
    assert.ok(ledger.counters <= 50);
  });
});

test('admits exactly the quota within a day, in any sequence of saves and refunds', () => {
  const step = fc.constantFrom('take', 'take', 'give', 'batch', 'settle', 'load');
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 30 }), fc.array(step, { maxLength: 100 }), (limit, steps) => {
      const { ledger, take } = bench();
      const mine = quotas({ requests: limit });
      const store = { key: 'a', period: '2026-11-24', used: none };
      let batch: readonly UsageChange[] = [];
      let begun = 0;
      for (const next of steps) {
        if (next === 'take') {
          const admitted = take('a', mine).refusedBy === undefined;
          assert.equal(admitted, begun < limit);
          if (admitted) begun += 1;
        } else if (next === 'give' && begun > 0) {
          ledger.give({ key: 'a', quotas: mine });
          begun -= 1;
        } else if (next === 'batch' && batch.length === 0) batch = ledger.changes(10);
        else if (next === 'settle') {
          for (const { added: more } of batch) store.used = sumOf(store.used, more);
          ledger.settle(batch, [store]);
          batch = [];
        } else if (next === 'load') ledger.learn([store]);
      }
    }),
  );
});

function sumOf(a: Amounts, b: Amounts): Amounts {
  return added({ requests: a.requests + b.requests, returned: a.returned + b.returned });
}
