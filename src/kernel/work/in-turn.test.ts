import assert from 'node:assert/strict';
import { test } from 'node:test';
import { InTurn } from './in-turn.ts';

test('work runs in order, each item after the previous one, whatever its outcome', async () => {
  const turns = new InTurn();
  const seen: string[] = [];
  const gates = [Promise.withResolvers<string>(), Promise.withResolvers<string>()] as const;
  const [first, second, third] = [
    turns.run(async () => {
      seen.push('first');
      return gates[0].promise;
    }),
    turns.run(async () => {
      seen.push('second');
      return gates[1].promise;
    }),
    turns.run(() => Promise.resolve(seen.push('third'))),
  ];
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(seen, ['first']);
  gates[0].reject(new Error('failed'));
  await assert.rejects(first, /failed/);
  gates[1].resolve('result');
  assert.equal(await second, 'result');
  assert.equal(await third, 3);
});
