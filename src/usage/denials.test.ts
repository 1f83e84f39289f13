import assert from 'node:assert/strict';
import { test } from 'node:test';
import { QuotaCalendar } from '../limits/quotas/quota-calendar.ts';
import type { QuotaCharge, QuotaLimits } from '../limits/quotas/quota.ts';
import { UsageDenials } from './denials.ts';

const noon = Date.parse('2026-11-30T12:00:00Z');
const halfDayMs = 43_200_000;
const calendar = new QuotaCalendar('UTC');

function chargeOf(key: string, daily?: QuotaLimits, monthly?: QuotaLimits): QuotaCharge {
  return { key, quotas: { calendar, daily, monthly } };
}

const daily = { llmTokens: 10 };

test('denies a key one lease until its period ends', () => {
  const denials = new UsageDenials();
  const charge = chargeOf('a', daily);
  assert.equal(denials.deniedBy(charge, 'lease', noon), undefined);
  denials.deny(charge, 'lease', noon);
  assert.equal(denials.deniedBy(charge, 'lease', noon)?.resetMs, halfDayMs);
  assert.equal(denials.deniedBy(charge, 'other', noon), undefined);
  assert.equal(denials.deniedBy(chargeOf('b', daily), 'lease', noon), undefined);
  assert.equal(denials.deniedBy(charge, 'lease', noon + halfDayMs - 1)?.resetMs, 1);
  assert.equal(denials.deniedBy(charge, 'lease', noon + halfDayMs), undefined);
  assert.equal(denials.keys, 0);
});

test('of a day and a month, uses the later end among those that limit tokens', () => {
  const early = Date.parse('2026-11-05T12:00:00Z');
  for (const [monthly, days] of [
    [daily, 25.5],
    [{ requests: 5 }, 0.5],
  ] as const) {
    const denials = new UsageDenials();
    const charge = chargeOf('a', daily, monthly);
    denials.deny(charge, 'lease', early);
    assert.equal(denials.deniedBy(charge, 'lease', early)?.resetMs, days * 2 * halfDayMs);
  }
});

test('a quota that no longer limits tokens denies nothing', () => {
  const denials = new UsageDenials();
  denials.deny(chargeOf('a', daily), 'lease', noon);
  assert.equal(denials.deniedBy(chargeOf('a', { requests: 1 }), 'lease', noon), undefined);
  denials.deny(chargeOf('b', { requests: 1 }), 'lease', noon);
  assert.equal(denials.keys, 1);
});

test('too many denied leases of a key deny all leases, and too many keys evict the oldest', () => {
  const denials = new UsageDenials(3);
  const charge = chargeOf('a', daily);
  for (let i = 0; i < 256; i += 1) denials.deny(charge, `lease${i}`, noon);
  assert.equal(denials.deniedBy(charge, 'other', noon), undefined);
  denials.deny(charge, 'lease256', noon);
  assert.ok(denials.deniedBy(charge, 'other', noon));
  assert.ok(denials.deniedBy(charge, 'lease0', noon));
  for (const key of ['b', 'c', 'd']) denials.deny(chargeOf(key, daily), 'lease', noon);
  assert.equal(denials.keys, 3);
  assert.equal(denials.deniedBy(charge, 'lease0', noon), undefined);
  assert.ok(denials.deniedBy(chargeOf('b', daily), 'lease', noon));
});
