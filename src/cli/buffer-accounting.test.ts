import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import process from 'node:process';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { knowsFlag } from './buffer-accounting.ts';

const module = new URL('buffer-accounting.ts', import.meta.url).href;

/**
 * Counts the full collections of a process that passes 4 GiB through buffers without keeping any.
 * With less data, a busy machine would hide the difference.
 */
async function fullCollections(prepare: string): Promise<number> {
  const script = `
    import { constants, PerformanceObserver } from 'node:perf_hooks';
    ${prepare}
    const kept = Array.from({ length: 200_000 }, (_, index) => ({ index }));
    let full = 0;
    new PerformanceObserver((list) => {
      full += list.getEntries().filter(({ detail }) => detail.kind === constants.NODE_PERFORMANCE_GC_MAJOR).length;
    }).observe({ entryTypes: ['gc'] });
    for (let turn = 0; turn < 1024; turn += 1) {
      for (let piece = 0; piece < 64; piece += 1) Buffer.allocUnsafeSlow(65_536);
      await new Promise(setImmediate);
    }
    await new Promise((resolve) => setTimeout(resolve, 1));
    console.log(full, kept.length);`;
  const { stdout, stderr } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script]);
  assert.equal(stderr, '');
  return Number.parseInt(stdout, 10);
}

test('dead buffers do not trigger full collections', async () => {
  const tuned = await fullCollections(
    `import { countLiveBuffersOnly } from ${JSON.stringify(module)}; countLiveBuffersOnly();`,
  );
  const plain = await fullCollections('');
  assert.ok(tuned * 2 <= plain || !knowsFlag(process.versions.v8), `${tuned} instead of ${plain}`);
});

test('detects V8 versions without the flag', () => {
  assert.deepEqual(['13.6.233.17-node.53', '14.6.202.34-node.34', '14.7.1', '14.8.0', '15.0.1'].map(knowsFlag), [
    true,
    true,
    true,
    false,
    false,
  ]);
});
