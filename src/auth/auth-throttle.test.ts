import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';
import { withKeyIdOf } from '../../test/helpers/wrong-keys.ts';
import { createApiKey, prefixCharacters } from './api-key.ts';
import { AuthThrottle, type Standing } from './auth-throttle.ts';

let nowMs = 0;
let penalty: AuthThrottle;
beforeEach(() => {
  nowMs = 0;
  penalty = new AuthThrottle({ monotonicMs: () => nowMs, wallMs: () => nowMs });
});

const address = (i: number): string => `192.0.2.${i}`;
const stranger = { kind: 'stranger' } as const;
const begin = (from: string, tried: string, standing: Standing = stranger): number =>
  penalty.begin(from, tried.slice(0, prefixCharacters), standing);
const key = createApiKey('live');
/** Another key with the same key id. */
const sameId = (): string => withKeyIdOf(key);
const tries = (count: number, one: (i: number) => number): number[] => Array.from({ length: count }, (_, i) => one(i));

describe('allows ten failures at once, then one every five seconds', () => {
  for (const [what, one] of [
    ['from one address, with any key ids', () => begin(address(1), createApiKey('live'))],
    ['with one key id, from any addresses', (i: number) => begin(address(i), sameId())],
    ['with one prefix of an imported key', (i: number) => begin(address(i), `${'k'.repeat(24)}${i}`)],
    ['from one IPv6 network', (i: number) => begin(`2001:db8::${i}`, createApiKey('live'))],
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

test('throttling one key id slows neither other ids nor the address it is tried from', () => {
  tries(11, (i) => begin(address(i), sameId()));
  assert.ok(begin(address(20), sameId()) > 0);
  for (let i = 0; i < 9; i += 1) assert.equal(begin(address(20), createApiKey('live')), 0);
});

test('a successful attempt is not counted as a failure', () => {
  for (let i = 0; i < 50; i += 1) {
    assert.equal(begin(address(1), key), 0);
    penalty.forgive(address(1), key.slice(0, prefixCharacters), stranger);
  }
});

describe('wider networks have separate limits, far below the sum of the limits of their addresses', () => {
  for (const [what, from, burst, everyMs] of [
    ['a /56', (i: number) => `2001:db8:0:${(i % 256).toString(16)}::1`, 15, 1000 / 0.3],
    ['a /48', (i: number) => `2001:db8:0:${((i % 256) * 256).toString(16)}::1`, 20, 2_500],
    ['a /24', (i: number) => address(i % 256), 20, 2_500],
  ] as const) {
    test(what, () => {
      const admitted = tries(1_000, (i) => begin(from(i), createApiKey('live'))).filter((waitMs) => waitMs === 0);
      assert.equal(admitted.length, burst);
      nowMs += everyMs + 1;
      assert.equal(begin(from(100), createApiKey('live')), 0);
      assert.ok(begin(from(101), createApiKey('live')) > 0);
      assert.equal(begin('198.51.100.1', createApiKey('live')), 0);
    });
  }
});

test('a caller who verified before is throttled only by its own failures', () => {
  tries(200, (i) => begin(address(i), sameId()));
  const pair = { kind: 'pair', keyId: 'bot' } as const;
  assert.ok(begin(address(7), key) > 0);
  assert.deepEqual(
    tries(10, () => begin(address(7), key, pair)),
    new Array<number>(10).fill(0),
  );
  assert.ok(begin(address(7), key, pair) > 4_000);
  assert.equal(begin(address(8), key, pair), 0);
  assert.deepEqual(
    tries(100, () => begin(address(7), key, { kind: 'proven' })),
    new Array<number>(100).fill(0),
  );
});
