import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';
import { withKeyIdOf } from '../../test/helpers/wrong-keys.ts';
import { createApiKey } from './api-key.ts';
import { FailurePenalty } from './failure-penalty.ts';

let nowMs = 0;
let penalty: FailurePenalty;
beforeEach(() => {
  nowMs = 0;
  penalty = new FailurePenalty({ monotonicMs: () => nowMs, wallMs: () => nowMs });
});

const address = (i: number): string => `192.0.2.${i}`;
const key = createApiKey('live');
/** Of one key id, each another key. */
const sameId = (): string => withKeyIdOf(key);
const tries = (count: number, one: (i: number) => number): number[] => Array.from({ length: count }, (_, i) => one(i));

describe('ten failures are free, and then there is one in five seconds', () => {
  for (const [what, one] of [
    ['from one address, whatever key ids', () => penalty.begin(address(1), createApiKey('live'))],
    ['on one key id, whatever addresses', (i: number) => penalty.begin(address(i), sameId())],
    ['on the beginning of a key made elsewhere', (i: number) => penalty.begin(address(i), `${'k'.repeat(24)}${i}`)],
    ['from one network of IPv6', (i: number) => penalty.begin(`2001:db8::${i}`, createApiKey('live'))],
  ] as const) {
    test(what, () => {
      assert.deepEqual(tries(10, one), new Array<number>(10).fill(0));
      assert.ok(one(10) > 4_000);
      nowMs += 5_000;
      assert.equal(one(11), 0);
      assert.ok(one(12) > 4_000);
    });
  }
});

test('one key id that is tried too often slows no other, nor the address that it is tried from', () => {
  tries(11, (i) => penalty.begin(address(i), sameId()));
  assert.ok(penalty.begin(address(20), sameId()) > 0);
  for (let i = 0; i < 9; i += 1) assert.equal(penalty.begin(address(20), createApiKey('live')), 0);
});

test('a try that turns out right is none', () => {
  for (let i = 0; i < 50; i += 1) {
    assert.equal(penalty.begin(address(1), key), 0);
    penalty.forgive(address(1), key);
  }
});
