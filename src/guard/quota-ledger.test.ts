import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { QuotaCalendar } from './quota-calendar.ts';
import { QuotaLedger, type KeyQuotas, type QuotaLimits, type UsageChange } from './quota-ledger.ts';

const noon = Date.parse('2026-11-24T12:00:00Z');
const hourMs = 3_600_000;

interface Bench {
  readonly ledger: QuotaLedger;
  readonly clock: { nowMs: number };
}

function bench(maxCounters?: number): Bench {
  const clock = { nowMs: noon };
  const ledger = new QuotaLedger({
    clock: { monotonicMs: () => 0, wallMs: () => clock.nowMs },
    ...(maxCounters !== undefined && { maxCounters }),
  });
  return { ledger, clock };
}

function quotas(daily?: QuotaLimits, monthly?: QuotaLimits, timeZone = 'UTC'): KeyQuotas {
  return { calendar: new QuotaCalendar(timeZone), daily, monthly };
}

function added(amounts: Partial<UsageChange['added']>): UsageChange['added'] {
  return { requests: 0, bytes: 0, llmTokens: 0, ...amounts };
}

describe('a quota', () => {
  test('admits as many requests as it has, tells what is left, and begins anew at midnight', () => {
    const { ledger, clock } = bench();
    const two = quotas({ requests: 2 });
    const first = ledger.take('a', two);
    assert.deepEqual(first, {
      refusedBy: undefined,
      states: [
        { kind: 'daily', resource: 'requests', limit: 2, remaining: 1, windowMs: 24 * hourMs, resetMs: 12 * hourMs },
      ],
    });
    assert.equal(ledger.take('a', two).refusedBy, undefined);
    const refused = ledger.take('a', two);
    assert.equal(refused.refusedBy?.resetMs, 12 * hourMs);
    assert.equal(refused.states[0]?.remaining, 0);
    clock.nowMs += 12 * hourMs - 1;
    assert.equal(ledger.take('a', two).refusedBy?.resetMs, 1);
    clock.nowMs += 1;
    assert.equal(ledger.take('a', two).refusedBy, undefined);
  });

  test('counts in all of its parts or in none', () => {
    const { ledger } = bench();
    const both = quotas({ requests: 1 }, { requests: 5, bytes: 100 });
    ledger.take('a', both);
    const refused = ledger.take('a', both);
    assert.equal(refused.refusedBy?.kind, 'daily');
    assert.deepEqual(
      refused.states.map(({ remaining }) => remaining),
      [0, 4, 100],
    );
  });

  test('what is used up for longest says when to come again', () => {
    const { ledger } = bench();
    const both = quotas({ requests: 1 }, { bytes: 10 });
    ledger.take('a', both);
    ledger.add('a', both, added({ bytes: 50 }));
    const { refusedBy } = ledger.take('a', both);
    assert.deepEqual([refusedBy?.kind, refusedBy?.resource], ['monthly', 'bytes']);
  });

  test('bytes and tokens are counted when they are known: what goes beyond is used all the same', () => {
    const { ledger, clock } = bench();
    const some = quotas({ bytes: 10, llmTokens: 10 });
    ledger.take('a', some);
    ledger.add('a', some, added({ bytes: 9, llmTokens: 9 }));
    assert.equal(ledger.take('a', some).refusedBy, undefined);
    ledger.add('a', some, added({ llmTokens: 900 }));
    assert.equal(ledger.take('a', some).refusedBy?.resource, 'llmTokens');
    clock.nowMs += 24 * hourMs;
    assert.deepEqual(
      ledger.take('a', some).states.map(({ remaining }) => remaining),
      [10, 10],
    );
  });

  test('keys are told apart, and so are those that only look like a period', () => {
    const { ledger } = bench();
    const one = quotas({ requests: 1 });
    for (const key of ['a', 'A', '2026-11-24', '__proto__', 'constructor']) {
      assert.equal(ledger.take(key, one).refusedBy, undefined, key);
      assert.equal(ledger.take(key, one).refusedBy?.resource, 'requests', key);
    }
  });

  test('a request that was not admitted after all is given back, and never more than that', () => {
    const { ledger, clock } = bench();
    const one = quotas({ requests: 1 });
    ledger.take('a', one);
    ledger.give('a', one);
    assert.equal(ledger.take('a', one).refusedBy, undefined);
    clock.nowMs += 12 * hourMs;
    ledger.give('a', one);
    assert.equal(ledger.states('a', one)[0]?.remaining, 1);
  });
});

describe('what is kept', () => {
  const some = quotas({ requests: 10 });

  test('each change with its total, once; and what a meter has counted so far', () => {
    const { ledger } = bench();
    ledger.take('a', some);
    const meter = {
      report: () => {
        ledger.add('a', some, added({ bytes: 7 }));
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
    ledger.take('a', some);
    assert.deepEqual(
      ledger.changes(10).map((change) => [change.used.requests, change.added.requests]),
      [[2, 1]],
    );
    assert.deepEqual(ledger.changes(10), []);
  });

  test('no more at once than was asked for', () => {
    const { ledger } = bench();
    for (const key of ['a', 'b', 'c']) ledger.take(key, some);
    const taken = [ledger.changes(2), ledger.changes(2), ledger.changes(2)].map((batch) => batch.map(({ key }) => key));
    assert.deepEqual(taken, [['a', 'b'], ['c'], []]);
  });

  test('what others know comes below what is counted here and not kept yet; and it never shrinks', () => {
    const { ledger } = bench();
    const record = { key: 'a', period: '2026-11-24' };
    const left = (): number | undefined => ledger.states('a', some)[0]?.remaining;
    ledger.take('a', some);
    ledger.merge([{ ...record, used: added({ requests: 4 }) }]);
    assert.equal(left(), 5);
    ledger.changes(10);
    ledger.take('a', some);
    ledger.merge([{ ...record, used: added({ requests: 7 }) }]);
    assert.equal(left(), 2);
    ledger.merge([{ ...record, used: added({ requests: 0 }) }]);
    assert.equal(left(), 2);
  });

  test('memory is bounded: what is over is forgotten, and of too many the first', () => {
    const { ledger, clock } = bench(50);
    const both = quotas({ requests: 10 }, { requests: 100 });
    for (let day = 0; day < 100; day += 1) {
      for (let key = 0; key < 5; key += 1) ledger.take(String(key), both);
      assert.ok(ledger.counters <= 20, String(ledger.counters));
      clock.nowMs += 24 * hourMs;
    }
    for (let key = 0; key < 1_000; key += 1) ledger.take(String(key), both);
    assert.ok(ledger.counters <= 50);
  });
});

test('within a day never more requests than the quota, and never fewer, whatever is merged meanwhile', () => {
  const steps = fc.array(fc.oneof(fc.constant('take'), fc.constant('save'), fc.constant('load')), { maxLength: 100 });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 30 }), steps, (limit, some) => {
      const { ledger } = bench();
      const mine = quotas({ requests: limit });
      let admitted = 0;
      let tried = 0;
      let kept = 0;
      for (const step of some) {
        if (step === 'take') {
          tried += 1;
          if (ledger.take('a', mine).refusedBy === undefined) admitted += 1;
        } else if (step === 'save') for (const change of ledger.changes(10)) kept += change.added.requests;
        else ledger.merge([{ key: 'a', period: '2026-11-24', used: added({ requests: kept }) }]);
      }
      assert.equal(admitted, Math.min(limit, tried));
    }),
  );
});
