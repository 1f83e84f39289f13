import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { formatSize, parseSize, sizePattern } from './sizes.ts';

for (const [text, bytes] of [
  ['0', 0],
  ['1024', 1024],
  ['1B', 1],
  ['64KiB', 65_536],
  ['10MB', 10_000_000],
  ['1GiB', 1_073_741_824],
  ['1TB', 1e12],
  ['1.5KiB', 1536],
  ['10 MB', 10_000_000],
  ['10kB', 10_000],
] as const) {
  test(`${text} is ${bytes} bytes`, () => {
    assert.equal(parseSize(text), bytes);
    assert.match(text, new RegExp(sizePattern));
  });
}

test('ignores the case of the unit', () => {
  assert.equal(parseSize('1mib'), 1_048_576);
  assert.equal(parseSize('1mb'), 1_000_000);
});

for (const text of [
  '',
  '-1',
  '+1',
  '1K',
  '1M',
  'KiB',
  '1PiB',
  '1Kib/s',
  '1..5MB',
  '.5MB',
  '0.3B',
  '1e3',
  '9007199254740993',
  '9999TiB0',
]) {
  test(`${JSON.stringify(text)} is not a size`, () => {
    assert.equal(parseSize(text), undefined);
  });
}

test('a formatted size parses to the same value, in a form that the JSON schema accepts', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.nat(),
        fc.nat().map((n) => n * 1024),
        fc.nat({ max: 5000 }).map((n) => n * 1e9),
      ),
      (bytes) => {
        const text = formatSize(bytes);
        assert.equal(parseSize(text), bytes);
        assert.match(text, new RegExp(sizePattern));
      },
    ),
  );
});
