import assert from 'node:assert/strict';
import { test } from 'node:test';
import { testPolicy } from '../../test/helpers/policy.ts';
import { effectiveTimeouts } from './effective-timeouts.ts';

const policy = testPolicy({
  timeouts: {
    dialMs: 1,
    responseHeadersMs: 2,
    bodyIdleMs: 3,
    totalMs: 4,
    overrides: [
      { lease: 'mcp-*', path: '/slow/*', responseHeadersMs: 20 },
      { lease: 'mcp-*', path: '/*', dialMs: 10, totalMs: 0 },
      { lease: '*', path: '/export', bodyIdleMs: 30 },
    ],
  },
});

function timeouts(name: string, target: string): readonly number[] {
  const { dialMs, responseHeadersMs, bodyIdleMs, totalMs } = effectiveTimeouts(policy, 'ID', name, target);
  return [dialMs, responseHeadersMs, bodyIdleMs, totalMs];
}

test('the first override that matches lease and path applies, and the rest keeps the general settings', () => {
  assert.deepEqual(timeouts('MCP-one', '/slow/x?y'), [1, 20, 3, 4]);
  assert.deepEqual(timeouts('mcp-one', '/slow'), [10, 2, 3, 0]);
  assert.deepEqual(timeouts('mcp-one', '/?/slow/'), [10, 2, 3, 0]);
  assert.deepEqual(timeouts('app', '/export?all'), [1, 2, 30, 4]);
  assert.deepEqual(timeouts('app', '/export/'), [1, 2, 3, 4]);
  assert.deepEqual(timeouts('app', '/slow/x'), [1, 2, 3, 4]);
});

test('without overrides there is no lookup', () => {
  const plain = testPolicy();
  assert.equal(effectiveTimeouts(plain, 'ID', 'app', '/'), plain.timeouts);
});
