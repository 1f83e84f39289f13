import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { SubstringSet } from './substring-set.ts';
import { atOnce } from './work/slices.ts';

function setOf(texts: Iterable<string>): SubstringSet {
  const set = new SubstringSet();
  atOnce(set.addAll(texts));
  return set;
}

test('finds what String.includes() finds', () => {
  const letters = fc.string({ unit: fc.constantFrom('a', 'b', 'é', '日'), minLength: 1, maxLength: 6 });
  const found = { true: 0, false: 0 };
  fc.assert(
    fc.property(fc.array(letters, { maxLength: 5 }), fc.array(letters, { maxLength: 9 }), (texts, parts) => {
      const text = parts.join('');
      const isIn = texts.some((one) => text.includes(one));
      assert.equal(setOf(texts).hasAnyIn(text), isIn);
      found[`${isIn}`] += 1;
    }),
    { numRuns: 1_000 },
  );
  assert.ok(found.true > 100 && found.false > 100);
});
