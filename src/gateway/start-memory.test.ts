import assert from 'node:assert/strict';
import process from 'node:process';
import { test } from 'node:test';
import { releaseStartMemory } from './start-memory.ts';

const mib = 1024 * 1024;

/** Lives until it is in the old generation. Returns the size of the heap with it. */
function makeGarbage(): number {
  const garbage = Array.from({ length: 1_500_000 }, (_, i) => ({ i, text: String(i) }));
  const { heapTotal } = process.memoryUsage();
  assert.equal(garbage.at(-1)?.i, garbage.length - 1);
  return heapTotal;
}

test('gives the garbage of a large start back', () => {
  const before = makeGarbage();
  assert.ok(before > 100 * mib, `${before}`);
  releaseStartMemory();
  const after = process.memoryUsage().heapTotal;
  assert.ok(after < before - 60 * mib, `${before} -> ${after}`);
  assert.equal('gc' in globalThis, false, 'the program sees no gc()');
});
