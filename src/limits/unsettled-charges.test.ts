import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Charge } from './limiter.ts';
import { UnsettledCharges } from './unsettled-charges.ts';

const charge = (id: string): Charge => ({ level: 'ip', id, cost: 1, rate: { requestsPerSecond: 10, burst: 5 } });

test('keeps a debt for admitted requests until the bucket has regained it', () => {
  let localMs = 1_000;
  const unsettled = new UnsettledCharges({ localDebtMs: () => localMs });
  unsettled.owe([charge('a')]);
  unsettled.owe([charge('a')]);
  assert.equal(unsettled.debtMs(charge('a')), 200);
  localMs = 50;
  const debts = unsettled.begin(10);
  assert.deepEqual(debts, [{ level: 'ip', id: 'a', debtMs: 50 }]);
  // It counts while it is in flight, and is owed after a failure.
  assert.equal(unsettled.debtMs(charge('a')), 50);
  unsettled.failed(debts);
  assert.deepEqual([unsettled.debtMs(charge('a')), unsettled.size], [50, 1]);
  unsettled.paid(unsettled.begin(10));
  assert.deepEqual([unsettled.debtMs(charge('a')), unsettled.size], [0, 0]);
});

test('limits memory and evicts refilled buckets first', () => {
  const full = new Set<string>();
  const unsettled = new UnsettledCharges({ localDebtMs: ({ id }) => (full.has(id) ? 0 : 100), maxBuckets: 100 });
  for (let i = 0; i < 100; i += 1) unsettled.owe([charge(String(i))]);
  for (let i = 0; i < 50; i += 1) full.add(String(i));
  for (let i = 100; i < 125; i += 1) unsettled.owe([charge(String(i))]);
  assert.equal(unsettled.debtMs(charge('99')), 100);
  for (let i = 125; i < 1_000; i += 1) unsettled.owe([charge(String(i))]);
  assert.ok(unsettled.size <= 100);
});
