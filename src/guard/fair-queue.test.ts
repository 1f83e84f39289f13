import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { FairQueue, type Queued } from './fair-queue.ts';

const any = (): boolean => true;

test('an entry that may not run yet keeps its place, and others of its flow may overtake it', () => {
  const queue = new FairQueue<Queued & { readonly name: string }>();
  for (const name of ['a1', 'a2', 'b1']) queue.add({ flow: name.charAt(0), name });
  assert.equal(queue.take(({ name }) => name === 'a2')?.name, 'a2');
  assert.equal(
    queue.take(() => false),
    undefined,
  );
  assert.deepEqual([queue.take(any)?.name, queue.take(any)?.name, queue.take(any)], ['b1', 'a1', undefined]);
});

test('no flow waits longer than one round, whatever the others add', () => {
  const arrivals = fc.array(fc.constantFrom('a', 'b', 'c'), { minLength: 1, maxLength: 100 });
  fc.assert(
    fc.property(arrivals, (flows) => {
      const queue = new FairQueue<Queued>();
      for (const flow of flows) queue.add({ flow });
      const served: string[] = [];
      for (let entry = queue.take(any); entry !== undefined; entry = queue.take(any)) served.push(entry.flow);
      assert.deepEqual(served.toSorted(), flows.toSorted());
      for (const flow of new Set(flows)) {
        const places = served.flatMap((name, i) => (name === flow ? [i] : []));
        places.reduce((previous, next) => {
          assert.ok(next - previous <= 3);
          return next;
        });
      }
      assert.equal(queue.size, 0);
    }),
  );
});
