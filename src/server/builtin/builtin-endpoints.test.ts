import assert from 'node:assert/strict';
import { test } from 'node:test';
import { testPolicy } from '../../../test/helpers/policy.ts';
import { BuiltinEndpoints } from './builtin-endpoints.ts';

test('a request to an app does not read the published keys', () => {
  const endpoints = new BuiltinEndpoints({
    server: () => ({ draining: false, uptimeSeconds: 0, connections: 1 }),
    ...{ connected: () => true, listed: () => true, assertionKeys: () => assert.fail('the keys were read') },
  });
  const policy = testPolicy({ assertion: { issuer: 'https://gateway.example.com' } });
  for (const target of ['/peer/demo/', '/.well-known/portal-gateway/jwks.json.bak', '/health/nothing']) {
    const req = { method: 'GET', target, headers: [], upgrade: false };
    assert.equal(endpoints.find({ req, policy }), undefined);
  }
});
