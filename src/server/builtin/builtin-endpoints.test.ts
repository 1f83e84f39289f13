import assert from 'node:assert/strict';
import { test } from 'node:test';
import { systemClock } from '../../kernel/clock.ts';
import { testPolicy } from '../../../test/helpers/policy.ts';
import type { Exchange } from '../../pipeline/stage.ts';
import type { ClientSink } from './gateway-response.ts';
import { BuiltinEndpoints } from './builtin-endpoints.ts';

test('a request to an app does not read the published keys', () => {
  const state = { draining: false, uptimeSeconds: 0, connections: 1, connected: () => true, listed: () => true };
  const endpoints = new BuiltinEndpoints(state, systemClock, {
    assertionKeys: () => assert.fail('the keys were read'),
  });
  const policy = testPolicy({ assertion: { issuer: 'https://gateway.example.com' } });
  for (const target of ['/peer/demo/', '/.well-known/portal-gateway/jwks.json.bak', '/health/nothing']) {
    const exchange = { req: { method: 'GET', target }, policy } as Exchange;
    assert.equal(
      endpoints.answer(exchange, 'public', {} as ClientSink, () => undefined),
      false,
    );
  }
});
