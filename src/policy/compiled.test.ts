import assert from 'node:assert/strict';
import { test } from 'node:test';
import { testPolicy } from '../../test/helpers/policy.ts';
import { compiled, compiledInSteps, compilePolicy } from './compiled.ts';

test('compiles a policy completely before its first request, in steps and once', () => {
  let compilations = 0;
  const once = compiled(({ acl }) => [(compilations += 1), Object.keys(acl).length]);
  const inSteps = compiledInSteps(function* ({ acl }) {
    compilations += 1;
    const found: string[] = [];
    for (const name of Object.keys(acl)) {
      found.push(name);
      yield;
    }
    return found;
  });
  const policy = testPolicy({ acl: Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`a${i}`, ['*']])) });
  const steps = Array.from(compilePolicy(policy)).length;
  assert.ok(steps >= 100, `${steps} steps`);
  assert.equal(compilations, 2);
  assert.deepEqual([once(policy).at(1), inSteps(policy).length], [100, 100]);
  assert.equal(compilations, 2);
  // A different policy that was not prepared.
  assert.equal(inSteps(testPolicy({ acl: {} })).length, 0);
  assert.equal(compilations, 3);
});

test('caches undefined as a compiled value', () => {
  let compilations = 0;
  const known = compiled(({ acl }): string | undefined => {
    compilations += 1;
    return Object.keys(acl)[0];
  });
  const policy = testPolicy({ acl: {} });
  assert.deepEqual([known(policy), known(policy)], [undefined, undefined]);
  assert.equal(compilations, 1);
});
