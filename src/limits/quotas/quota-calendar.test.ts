import assert from 'node:assert/strict';
import { test } from 'node:test';
import { QuotaCalendar, type Period } from './quota-calendar.ts';

function day(timeZone: string, at: string): Period {
  return new QuotaCalendar(timeZone).period('daily', Date.parse(at));
}

function spelled({ id, startMs, endMs }: Period): string[] {
  return [id, new Date(startMs).toISOString(), new Date(endMs).toISOString()];
}

test('a day in UTC begins and ends exactly at midnight', () => {
  const expected = ['2026-11-24', '2026-11-24T00:00:00.000Z', '2026-11-25T00:00:00.000Z'];
  for (const at of ['2026-11-24T00:00:00.000Z', '2026-11-24T12:00:00Z', '2026-11-24T23:59:59.999Z']) {
    assert.deepEqual(spelled(day('UTC', at)), expected);
  }
  assert.equal(day('UTC', '2026-11-25T00:00:00.000Z').id, '2026-11-25');
});

test('a day with a clock change has 23 or 25 hours', () => {
  const hours = ({ startMs, endMs }: Period): number => (endMs - startMs) / 3_600_000;
  assert.equal(hours(day('Europe/Berlin', '2026-03-29T12:00:00Z')), 23);
  assert.equal(hours(day('Europe/Berlin', '2026-10-25T12:00:00Z')), 25);
  assert.equal(hours(day('Europe/Berlin', '2026-10-26T12:00:00Z')), 24);
  assert.equal(hours(day('Australia/Lord_Howe', '2026-04-05T00:00:00Z')), 24.5);
});

test('a day without midnight begins at 1:00, and a date skipped by a zone does not occur', () => {
  const beirut = ['2026-03-29', '2026-03-28T22:00:00.000Z', '2026-03-29T21:00:00.000Z'];
  assert.deepEqual(spelled(day('Asia/Beirut', '2026-03-29T12:00:00Z')), beirut);
  const havana = ['2026-03-08', '2026-03-08T05:00:00.000Z', '2026-03-09T04:00:00.000Z'];
  assert.deepEqual(spelled(day('America/Havana', '2026-03-08T12:00:00Z')), havana);
  const apia = day('Pacific/Apia', '2011-12-29T20:00:00Z');
  assert.equal(apia.id, '2011-12-29');
  assert.equal(day('Pacific/Apia', new Date(apia.endMs).toISOString()).id, '2011-12-31');
});

test('a month is that of the time zone', () => {
  const calendar = new QuotaCalendar('Asia/Tokyo');
  const expected = ['2027-01', '2026-12-31T15:00:00.000Z', '2027-01-31T15:00:00.000Z'];
  assert.deepEqual(spelled(calendar.period('monthly', Date.parse('2026-12-31T15:00:00Z'))), expected);
  assert.equal(calendar.period('monthly', Date.parse('2026-12-31T14:59:59.999Z')).id, '2027-01');
  assert.equal(new QuotaCalendar('UTC').period('monthly', Date.parse('2028-02-29T23:00:00Z')).id, '2028-02');
});

test('a clock set back by seconds does not return to the day before; one that was wrong by hours does', () => {
  const calendar = new QuotaCalendar('UTC');
  const midnight = Date.parse('2026-11-25T00:00:00Z');
  assert.equal(calendar.period('daily', midnight).id, '2026-11-25');
  assert.equal(calendar.period('daily', midnight - 5_000).id, '2026-11-25');
  assert.equal(calendar.period('daily', midnight - 3_600_000).id, '2026-11-24');
});

test('days follow each other without gaps, and an unknown zone is rejected', () => {
  const from = Date.parse('2026-01-01T00:00:00Z');
  for (const timeZone of [
    'America/Sao_Paulo',
    'Africa/Cairo',
    'Atlantic/Azores',
    'America/Santiago',
    'Asia/Kathmandu',
  ]) {
    const calendar = new QuotaCalendar(timeZone);
    let period = calendar.period('daily', from);
    for (let i = 0; i < 365; i += 1) {
      const next = calendar.period('daily', period.endMs);
      assert.equal(next.startMs, period.endMs, timeZone);
      assert.ok(next.id > period.id);
      period = next;
    }
  }
  assert.throws(() => new QuotaCalendar('Mars/Olympus'), RangeError);
});

/** The same time as UTC, all year. */
const reykjavik = new QuotaCalendar('Atlantic/Reykjavik');

test('days and months in UTC, which is calculated without Intl, are those of a zone with the same time', () => {
  const from = Date.parse('2023-12-31T21:30:00Z');
  for (let hours = 0; hours < 3 * 366 * 24; hours += 7) {
    const nowMs = from + hours * 3_600_000;
    for (const kind of ['daily', 'monthly'] as const) {
      const period = new QuotaCalendar('UTC').period(kind, nowMs);
      if (hours % 49 === 0) assert.deepEqual(period, reykjavik.period(kind, nowMs));
      assert.ok(period.startMs <= nowMs && nowMs < period.endMs);
    }
  }
});
