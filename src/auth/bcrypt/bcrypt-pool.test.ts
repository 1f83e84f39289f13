import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bcryptConcurrency, BcryptPool, type Lane } from './bcrypt-pool.ts';

test('the pool leaves one core free, runs at most 4 threads, and always runs at least one bcrypt', () => {
  assert.deepEqual([1, 2, 4, 64].map(bcryptConcurrency), [1, 1, 3, 4]);
});

interface Bench {
  readonly pool: BcryptPool;
  /** The keys whose comparison has started, in order. */
  readonly begun: string[];
  /** Ends the comparison in progress. */
  readonly finish: () => Promise<void>;
}

function bench(maxWaiting: number): Bench {
  const begun: string[] = [];
  let settle: (isSame: boolean) => void = () => undefined;
  const compare = (key: string): Promise<boolean> => {
    begun.push(key);
    return new Promise((resolve) => (settle = resolve));
  };
  const pool = new BcryptPool({ concurrency: 1, maxWaiting, compare });
  return {
    pool,
    begun,
    finish: async () => {
      settle(false);
      await new Promise((resolve) => setImmediate(resolve));
    },
  };
}

test('reserves half of the queue for callers who verified before, and a quarter for keys that did', () => {
  const { pool } = bench(64);
  const waiting = (lane: Lane, tries: number): number =>
    Array.from({ length: tries }, () => pool.verify('k', 'h', lane)).filter((result) => result !== undefined).length;
  assert.equal(waiting('stranger', 1), 1, 'runs at once');
  assert.equal(waiting('stranger', 1_000), 32);
  assert.equal(waiting('pair', 1_000), 16);
  assert.equal(waiting('proven', 1_000), 16);
  const { pool: other } = bench(64);
  void other.verify('k', 'h', 'stranger');
  const room = Array.from({ length: 1_000 }, () => other.verify('k', 'h', 'proven'));
  assert.equal(room.filter((result) => result !== undefined).length, 64);
});

test('serves both halves of the queue alternately, so neither waits until the other is empty', async () => {
  const { pool, begun, finish } = bench(64);
  for (let i = 0; i < 6; i += 1) void pool.verify(`stranger ${i}`, 'h', 'stranger');
  for (let i = 0; i < 2; i += 1) void pool.verify(`pair ${i}`, 'h', 'pair');
  void pool.verify('proven', 'h', 'proven');
  for (let i = 0; i < 9; i += 1) await finish();
  assert.deepEqual(begun, [
    ...['stranger 0', 'proven', 'stranger 1', 'pair 0', 'stranger 2', 'pair 1'],
    ...['stranger 3', 'stranger 4', 'stranger 5'],
  ]);
});
