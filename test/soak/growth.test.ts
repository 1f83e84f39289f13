// The slope by which the soak judges memory: it finds a leak in noise, and does not take noise for
// a leak.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { growthOf } from './growth.ts';
import { seededRandom } from './random.ts';

const mib = 1_048_576;

/**
 * One sample a second for some minutes, with the saw teeth of garbage collection and an occasional
 * jump.
 */
function samples(minutes: number, mibPerMinute: number): Parameters<typeof growthOf>[0] {
  const random = seededRandom('growth');
  return Array.from({ length: minutes * 60 }, (_, second) => {
    const tooth = 40 * ((second % 17) / 17) + random.next() * 10;
    const jump = random.chance(0.05) ? 150 : 0;
    const rssMib = 200 + tooth + jump + (mibPerMinute * second) / 60;
    return { atMs: second * 1_000, rssBytes: rssMib * mib };
  });
}

test('noise without a trend has a slope of less than 1 MiB a minute', () => {
  assert.ok(Math.abs(growthOf(samples(6, 0)).bytesPerMinute) < mib);
});

for (const leak of [5, 20]) {
  test(`a leak of ${leak} MiB a minute is measured to within 1 MiB`, () => {
    const { bytesPerMinute, bytes } = growthOf(samples(6, leak));
    assert.ok(Math.abs(bytesPerMinute - leak * mib) < mib, `${bytesPerMinute / mib} MiB a minute`);
    assert.ok(Math.abs(bytes - 6 * leak * mib) < 8 * mib, `${bytes / mib} MiB in all`);
  });
}

test('without samples there is no growth', () => {
  assert.deepEqual(growthOf([]), { bytesPerMinute: 0, bytes: 0, medianBytes: 0 });
});
