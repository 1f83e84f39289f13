import assert from 'node:assert/strict';
import { test } from 'node:test';
import { testLease, testPolicy } from '../../test/helpers/policy.ts';
import { explainAccess } from './access-explanation.ts';

test('shows whether the app receives the prefix, by the most specific pattern of the lease', () => {
  const [id, other] = ['A'.repeat(26), 'B'.repeat(26)];
  const keeps = testLease({ stripPrefix: false });
  const policy = testPolicy({
    leases: { 'my-*': keeps, 'my-api': testLease(), [id]: keeps },
    leasePins: { site: id, 'my-pinned': other },
  });
  const common = { key: undefined, leaseId: undefined, method: 'GET', upgrade: false, clientIp: undefined, nowMs: 0 };
  for (const [lease, strips] of [
    ['my-app', false],
    ['MY-APP', false],
    ['my-api', true],
    ['site', false],
    [id, false],
    [other, false],
    ['C'.repeat(26), true],
    ['other', true],
  ] as const) {
    assert.equal(explainAccess(policy, { ...common, lease }).stripPrefix, strips, lease);
  }
});
