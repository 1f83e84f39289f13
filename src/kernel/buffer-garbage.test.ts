import assert from 'node:assert/strict';
import { once } from 'node:events';
import { constants, PerformanceObserver, type PerformanceObserverEntryList } from 'node:perf_hooks';
import process from 'node:process';
import { describe, it } from 'node:test';
import { Worker } from 'node:worker_threads';
import { BufferGarbage, minorCollection } from './buffer-garbage.ts';

describe('BufferGarbage', () => {
  it('collects each time that the bytes are reached, and not before', () => {
    let collections = 0;
    let lookups = 0;
    const garbage = new BufferGarbage(() => {
      lookups += 1;
      return () => {
        collections += 1;
      };
    }, 1000);
    garbage.made(999);
    assert.deepEqual([lookups, collections], [0, 0]);
    garbage.made(1);
    assert.deepEqual([lookups, collections], [1, 1]);
    for (let i = 0; i < 25; i += 1) garbage.made(100);
    garbage.made(5000);
    assert.deepEqual([lookups, collections], [1, 4]);
  });

  it('does nothing where there is no minor collection, and asks once', () => {
    let lookups = 0;
    const garbage = new BufferGarbage(() => {
      lookups += 1;
      return undefined;
    }, 10);
    for (let i = 0; i < 5; i += 1) garbage.made(10);
    assert.equal(lookups, 1);
  });
});

describe('minorCollection', () => {
  it('is a minor collection, and leaves no gc() in this or in later contexts', async () => {
    const collect = minorCollection() ?? assert.fail('this V8 has none');
    const seen = Promise.withResolvers<number[]>();
    const observer = new PerformanceObserver((list: PerformanceObserverEntryList) => {
      seen.resolve(list.getEntries().map((entry) => (entry as unknown as { detail: { kind: number } }).detail.kind));
    });
    observer.observe({ entryTypes: ['gc'] });
    collect();
    assert.ok((await seen.promise).includes(constants.NODE_PERFORMANCE_GC_MINOR));
    observer.disconnect();
    assert.equal('gc' in globalThis, process.execArgv.includes('--expose-gc'));
  });

  it('frees buffers that nobody holds', () => {
    const collect = minorCollection() ?? assert.fail('this V8 has none');
    collect();
    const before = process.memoryUsage().arrayBuffers;
    for (let i = 0; i < 64; i += 1) Buffer.allocUnsafeSlow(65_536);
    collect();
    assert.ok(process.memoryUsage().arrayBuffers - before < 1_048_576);
  });

  it('works in a worker thread', async () => {
    const file = JSON.stringify(new URL('./buffer-garbage.ts', import.meta.url).href);
    const source = `import(${file}).then(({ minorCollection }) => { minorCollection()(); process.exit(7); });`;
    const [code] = (await once(new Worker(source, { eval: true }), 'exit')) as [number];
    assert.equal(code, 7);
  });
});
