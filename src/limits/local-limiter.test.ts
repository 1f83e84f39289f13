import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Charge, isAdmitted } from './limiter.ts';
import { LocalLimiter } from './local-limiter.ts';
import { MemoryLimiter } from './memory-limiter.ts';
import { none, type QuotaCharge, type QuotaLimits } from './quotas/quota.ts';
import { QuotaCalendar } from './quotas/quota-calendar.ts';
import { QuotaLedger } from './quotas/quota-ledger.ts';

const clock = { monotonicMs: () => 1_000, wallMs: () => Date.parse('2026-11-24T12:00:00Z') };

interface Bench {
  readonly limiter: LocalLimiter;
  readonly ledger: QuotaLedger;
  /** Whole tokens in the bucket. */
  readonly tokens: () => number;
  /** What is left of the first quota. */
  readonly left: (quota: QuotaCharge) => number;
}

function bench(charge: Charge): Bench {
  const ledger = new QuotaLedger({ clock });
  const limiter = new LocalLimiter(new MemoryLimiter({ clock }), ledger);
  return {
    ...{ limiter, ledger },
    tokens: () => (limiter.peek([{ ...charge, cost: 0 }]).states[0] ?? assert.fail()).remaining,
    left: (quota) => (ledger.look(quota).states[0] ?? assert.fail()).remaining,
  };
}

function bucket(burst: number): Charge {
  return { level: 'key', id: 'a', cost: 1, rate: { requestsPerSecond: 0.001, burst } };
}

function quotaOf(daily: QuotaLimits): QuotaCharge {
  return { key: 'a', quotas: { calendar: new QuotaCalendar('UTC'), daily, monthly: undefined } };
}

test('a request rejected by a quota is charged to no bucket', () => {
  const charge = bucket(5);
  const { limiter, tokens } = bench(charge);
  const one = quotaOf({ requests: 1 });
  assert.ok(isAdmitted(limiter.take([charge], one)));
  const refused = limiter.take([charge], one);
  assert.deepEqual([refused.refusedBy, refused.quota?.refusedBy?.resource, tokens()], [undefined, 'requests', 4]);
});

test('a request rejected by a bucket is counted in no quota', () => {
  const charge = bucket(1);
  const { limiter, left } = bench(charge);
  const five = quotaOf({ requests: 5 });
  assert.ok(isAdmitted(limiter.take([charge], five)));
  const refused = limiter.take([charge], five);
  assert.deepEqual([refused.refusedBy, refused.quota?.refusedBy], [0, undefined]);
  assert.deepEqual([refused.quota?.states[0]?.remaining, left(five)], [4, 4]);
});

test('the request that uses up a quota is admitted and reports that nothing is left', () => {
  const { limiter } = bench(bucket(5));
  const { quota } = limiter.take([bucket(5)], quotaOf({ requests: 1 }));
  assert.deepEqual([quota?.refusedBy, quota?.states[0]?.remaining], [undefined, 0]);
});

test('used-up bytes and tokens reject requests without charging the bucket', () => {
  const charge = bucket(5);
  for (const used of [{ bytes: 10 }, { llmTokens: 11 }]) {
    const { limiter, ledger, tokens } = bench(charge);
    const some = quotaOf({ bytes: 10, llmTokens: 10 });
    ledger.add(some, { ...none, ...used });
    assert.ok(!isAdmitted(limiter.take([charge], some)));
    assert.equal(tokens(), 5);
  }
});

test('in any sequence of charges and refunds, bucket and quota count the same', () => {
  const steps = fc.array(fc.constantFrom('take', 'take', 'give'), { maxLength: 60 });
  fc.assert(
    fc.property(fc.nat(10), fc.nat(10), steps, (burst, requests, some) => {
      const charge = bucket(burst + 1);
      const quota = quotaOf({ requests: requests + 1 });
      const { limiter, tokens, left } = bench(charge);
      let begun = 0;
      for (const step of some) {
        if (step === 'take') {
          const admitted = isAdmitted(limiter.take([charge], quota));
          assert.equal(admitted, begun < Math.min(burst, requests) + 1);
          if (admitted) begun += 1;
        } else if (begun > 0) {
          limiter.give([charge], quota);
          begun -= 1;
        }
        assert.deepEqual([tokens(), left(quota)], [burst + 1 - begun, requests + 1 - begun]);
      }
    }),
  );
});
