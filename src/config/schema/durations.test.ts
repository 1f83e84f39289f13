import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { durationPattern, formatDuration, parseDuration } from './durations.ts';

for (const [text, ms] of [
  ['0', 0],
  ['0s', 0],
  ['250ms', 250],
  ['30s', 30_000],
  ['5m', 300_000],
  ['24h', 86_400_000],
  ['1h30m', 5_400_000],
  ['1h2m3s4ms', 3_723_004],
  ['1.5s', 1500],
  ['0.1s', 100],
  ['0.5h', 1_800_000],
  ['168h', 604_800_000],
] as const) {
  test(`${text} is ${ms} ms`, () => {
    assert.equal(parseDuration(text), ms);
    assert.match(text, new RegExp(durationPattern));
  });
}

for (const text of [
  '',
  '10',
  's',
  'ms',
  '-1s',
  '+1s',
  '1 s',
  ' 1s',
  '1s ',
  '1S',
  '1d',
  '1s1m',
  '1s1s',
  '1.s',
  '.5s',
  '1..5s',
  '1e3s',
  '0.5ms',
  'forever',
  `${'9'.repeat(30)}h`,
  '1m'.repeat(100_000),
]) {
  test(`${JSON.stringify(text.slice(0, 20))} is not a duration`, () => {
    assert.equal(parseDuration(text), undefined);
  });
}

test('a formatted duration parses to the same value, in a form that the JSON schema accepts', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 2 ** 45 }), (ms) => {
      const text = formatDuration(ms);
      assert.equal(parseDuration(text), ms);
      assert.match(text, new RegExp(durationPattern));
    }),
  );
});
