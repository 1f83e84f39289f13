// A lease has one id and the names that relays list it by: settings for one of them apply however
// the lease is called, and a pinned name belongs to one lease only.
import assert from 'node:assert/strict';
import type { AddressInfo } from 'node:net';
import { describe, test, type TestContext } from 'node:test';
import { leaseMoved, listen, type LeaseMoved } from '../../src/kernel/events.ts';
import { startPlainGateway, type PlainGateway } from '../helpers/plain-gateway.ts';
import { testLease, testPolicy } from '../helpers/policy.ts';

type Parts = Parameters<typeof testPolicy>[0];

const id = 'A'.repeat(26).replace(/^A{3}/, 'APP');
const otherId = `B${'A'.repeat(25)}`;

/** One app, listed as `app` and as `other`. Any caller with a key may call both. */
async function start(t: TestContext, policy: Parts): Promise<PlainGateway> {
  const gateway = await startPlainGateway(t, (_, response) => response.end('ok'), { policy });
  gateway.transport.publish({ name: 'other', port: portOf(gateway), id });
  return gateway;
}

function portOf({ app }: PlainGateway): number {
  return (app.address() as AddressInfo).port;
}

async function codeFor(gateway: PlainGateway, lease: string, path = '/', method = 'GET'): Promise<unknown> {
  const { status, text } = await gateway.call(`/peer/${lease}${path}`, { method });
  return status === 200 ? 200 : (JSON.parse(text) as { code?: unknown }).code;
}

const open = testLease();

describe('a rule for one name applies under every name and under the id', () => {
  const ways = ['app', 'APP', 'other', id];

  for (const pattern of ['app', 'other', 'oth*', id]) {
    test(`required_scopes of ${pattern}`, async (t) => {
      const gateway = await start(t, { leases: { '*': open, [pattern]: { ...open, requiredScopes: ['mcp'] } } });
      for (const way of ways) assert.equal(await codeFor(gateway, way), 'insufficient_scope', way);
    });

    test(`ip_rules of ${pattern}`, async (t) => {
      const ipRules = { allow: [], deny: ['127.0.0.0/8'] };
      const gateway = await start(t, { leases: { '*': open, [pattern]: { ...open, ipRules } } });
      for (const way of ways) assert.equal(await codeFor(gateway, way), 'ip_denied', way);
    });

    test(`per_lease of ${pattern}: one bucket for all of them`, async (t) => {
      const rate = { requestsPerSecond: 0.001, burst: ways.length };
      const gateway = await start(t, { rateLimit: { perLease: { '*': { ...rate, burst: 1e9 }, [pattern]: rate } } });
      for (const way of ways) assert.equal(await codeFor(gateway, way), 200);
      for (const way of ways) assert.equal(await codeFor(gateway, way), 'rate_limited', way);
    });
  }

  test('costs, under any name and however the path is written', async (t) => {
    const costs = [{ lease: 'other', path: '/search/*', method: '', cost: 2 }];
    const rate = { requestsPerSecond: 0.001, burst: 1 };
    const gateway = await start(t, { rateLimit: { costs, perKey: { default: rate, overrides: {} } } });
    for (const way of ways) {
      for (const path of ['/search/x', '/%73earch/x', '/search%2Fx']) {
        const { text } = await gateway.call(`/peer/${way}${path}`);
        assert.match(text, /is never admitted/);
      }
    }
    assert.equal(await codeFor(gateway, 'app'), 200);
  });
});

describe('pins', () => {
  test('rejects a lease under every name if one of its names is pinned to another', async (t) => {
    const gateway = await start(t, { leasePins: { App: otherId } });
    for (const way of ['app', 'other', id]) assert.equal(await codeFor(gateway, way), 'lease_unreachable', way);
  });

  test('a pinned name is not ambiguous and leads to its lease', async (t) => {
    const gateway = await start(t, { leasePins: { app: id } });
    gateway.transport.publish({ name: 'app', port: 1, id: otherId });
    assert.equal(await codeFor(gateway, 'app'), 200);
    assert.equal(await codeFor(gateway, otherId), 'lease_unreachable');
  });

  test('the rules of a pinned name apply to its id, even while no relay lists the name', async (t) => {
    const gateway = await start(t, { leasePins: { secret: id }, acl: { '*': ['*'], secret: ['nobody'] } });
    for (const way of ['app', 'other', id]) assert.equal(await codeFor(gateway, way), 'access_denied', way);
  });

  test('a name pinned elsewhere grants nothing to the lease that uses it', async (t) => {
    const leasePins = { app: id, other: otherId };
    const gateway = await start(t, { leasePins, acl: { other: ['*'] } });
    for (const way of ['app', id]) assert.equal(await codeFor(gateway, way), 'access_denied', way);
  });
});

test('reports once that a name has moved without a pin', async (t) => {
  const moves: LeaseMoved[] = [];
  t.after(listen(leaseMoved, (move) => moves.push(move)));
  const gateway = await start(t, {});
  assert.equal(await codeFor(gateway, 'app'), 200);
  gateway.transport.unpublish('app');
  gateway.transport.publish({ name: 'App', port: portOf(gateway), id: otherId });
  await gateway.gateway.apply(testPolicy({ directoryTtlMs: 0 }));
  const asked = gateway.transport.listed;
  while (gateway.transport.listed < asked + 2) await codeFor(gateway, 'app');
  assert.deepEqual(moves, [{ name: 'app', from: [id], to: otherId }]);
});
