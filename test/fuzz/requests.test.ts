// Tests the request reader of `expose` against strict llhttp: the table of intended differences,
// and random requests.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import { splitAt } from '../helpers/http-reading.ts';
import { readRequest } from '../helpers/request-reading.ts';
import { seededRandom } from '../soak/random.ts';
import { requestDifferenceOf, requestDifferences } from './request-differences.ts';
import { randomRequest } from './request-grammar.ts';

for (const difference of requestDifferences) {
  test(`accepts more than llhttp: ${difference.name} (${difference.source})`, () => {
    assert.equal(requestDifferenceOf(Buffer.from(difference.example, 'latin1')), difference);
  });
}

test('30,000 random and mutated requests: rejects what llhttp rejects, and reads the rest like llhttp, in any pieces', () => {
  const random = seededRandom('requests');
  const counts = new Map<string, number>();
  for (let i = 0; i < 30_000; i += 1) {
    const bytes = randomRequest(random);
    const difference = requestDifferenceOf(bytes);
    const text = JSON.stringify(bytes.toString('latin1'));
    if (typeof difference === 'string') assert.fail(`${difference}: ${text}`);
    const whole = readRequest([bytes]);
    const offsets = Array.from({ length: random.between(1, 4) }, () => random.between(0, bytes.length));
    const split = readRequest(splitAt(bytes, offsets));
    // A rejected or truncated request may have been reported up to a different point before the
    // error.
    const isSame =
      whole.outcome === 'complete'
        ? isDeepStrictEqual(whole, split)
        : whole.outcome === split.outcome && whole.code === split.code;
    assert.ok(isSame, `split at ${offsets.join()}: ${text}`);
    const name = difference?.name ?? whole.outcome;
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  assert.ok((counts.get('complete') ?? 0) > 5_000, 'most requests are rejected');
  for (const { name } of requestDifferences) assert.ok((counts.get(name) ?? 0) > 0, `never seen: ${name}`);
});
