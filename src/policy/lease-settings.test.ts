import assert from 'node:assert/strict';
import { test } from 'node:test';
import { testLease, testPolicy } from '../../test/helpers/policy.ts';
import { HeaderEdit, leaseSettings } from './lease-settings.ts';

test('removes headers in any case and sets each once, replacing existing values', () => {
  const edit = new HeaderEdit({ set: { 'X-Env': 'prod', 'x-new': '1' }, remove: ['Server'] });
  const before = ['SERVER', 'a', 'x-env', 'dev', 'X-Kept', '1', 'X-ENV', 'test', 'x-kept', '2'];
  assert.deepEqual(edit.apply(before), ['X-Kept', '1', 'x-kept', '2', 'X-Env', 'prod', 'x-new', '1']);
});

test('a lease gets the settings of the best pattern only', () => {
  const { cors } = testPolicy();
  const plain = testLease();
  const policy = testPolicy({
    leases: {
      'app-*': { ...plain, hostHeader: 'all.test', cors: { ...cors, enabled: true, origins: ['*'] } },
      'app-1': { ...plain, headers: { ...plain.headers, request: { set: {}, remove: ['Cookie'] } } },
    },
  });
  const one = leaseSettings(policy).find('', 'app-1');
  assert.deepEqual([one?.hostHeader, one?.response, one?.cors], ['', undefined, undefined]);
  assert.deepEqual(one?.request?.apply(['cookie', 'a', 'x', 'y']), ['x', 'y']);
  const two = leaseSettings(policy).find('', 'app-2');
  assert.deepEqual([two?.hostHeader, two?.request, two?.cors?.origins], ['all.test', undefined, ['*']]);
  assert.equal(leaseSettings(policy).find('', 'b'), undefined);
});
