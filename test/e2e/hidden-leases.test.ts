// A caller without access to a lease gets the same response in the same time whether or not the
// lease exists: for each kind of caller, way of naming and state of the relays.
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { systemClock, type Clock } from '../../src/kernel/clock.ts';
import { key, startPlainGateway, type PlainGateway } from '../helpers/plain-gateway.ts';
import { testLease, type testPolicy } from '../helpers/policy.ts';

type Parts = NonNullable<Parameters<typeof testPolicy>[0]>;

const credential = ['X-API-Key', key];
const appId = `APP${'A'.repeat(23)}`;
const noId = `NOB${'A'.repeat(23)}`;
const denied = { allow: [], deny: ['127.0.0.0/8'] };

interface Row {
  readonly what: string;
  readonly policy: Parts;
  readonly headers?: readonly string[];
  /** The lease, and one that does not exist, to which the same rules would apply. */
  readonly paths?: readonly [existing: string, missing: string];
  readonly code: string;
  /** No rule admits the caller anywhere, so the relays are not asked. */
  readonly isEarly?: boolean;
}

const rows: readonly Row[] = [
  {
    what: 'a key without any rule',
    policy: { acl: { app: ['other'], nobody: ['other'] } },
    code: 'access_denied',
    isEarly: true,
  },
  {
    what: 'a key with a rule for another lease',
    policy: { acl: { else: ['test'], '*': ['other'] } },
    code: 'access_denied',
  },
  {
    what: 'an id, if the key may know neither lease',
    policy: { acl: { else: ['test'], '*': ['other'] } },
    paths: [`/peer/${appId}/`, `/peer/${noId}/`],
    code: 'access_denied',
  },
  {
    what: 'an id of a lease whose name has a narrower rule than the one for all',
    policy: { acl: { app: ['other'], '*': ['test'] } },
    paths: [`/peer/${appId}/`, `/peer/${noId}/`],
    code: 'access_denied',
  },
  {
    what: 'a caller without a credential',
    policy: { acl: { else: ['anonymous'], '*': ['*'] } },
    headers: [],
    code: 'missing_credentials',
  },
  {
    what: 'a key from an address that the leases deny',
    policy: { leases: { '*': testLease({ ipRules: denied }) } },
    code: 'ip_denied',
  },
  {
    what: 'a key without a scope that the leases require',
    policy: { leases: { '*': testLease({ requiredScopes: ['special'] }) } },
    code: 'insufficient_scope',
  },
  {
    what: 'a key for another lease, in a header that the lease leaves to the app',
    policy: { acl: { else: ['test'], '*': ['other'] }, leases: { app: testLease({ credentials: 'app' }) } },
    paths: [`/peer/${appId}/`, `/peer/${noId}/`],
    code: 'access_denied',
  },
  {
    what: 'no credential, for a lease that reads only X-Gateway-Key',
    policy: { acl: { else: ['anonymous'], '*': ['*'] }, leases: { 'a*': testLease({ credentials: 'app' }) } },
    headers: [],
    paths: [`/peer/${appId}/`, `/peer/${noId}/`],
    code: 'missing_credentials',
  },
  {
    what: 'the same by a name with known rules',
    policy: { acl: { else: ['anonymous'], '*': ['*'] }, leases: { '*': testLease({ credentials: 'app' }) } },
    headers: [],
    code: 'missing_credentials',
  },
];

interface Response {
  readonly status: number;
  readonly code: unknown;
  readonly detail: unknown;
  readonly fields: readonly string[];
}

/**
 * Returns the response without the fields that vary between any two responses, and without the
 * lease name given by the caller.
 */
async function call({ open }: PlainGateway, path: string, headers: readonly string[]): Promise<Response> {
  const message = await open(path, { headers });
  let text = '';
  for await (const chunk of message) text += String(chunk);
  const varying = new Set(['date', 'x-request-id', 'content-length']);
  const fields = message.rawHeaders.filter(
    (_, i) => !varying.has((message.rawHeaders[i - (i % 2)] ?? '').toLowerCase()),
  );
  const { code, detail = '' } = JSON.parse(text) as { code?: unknown; detail?: string };
  return { status: message.statusCode ?? 0, code, detail: detail.replace(/the lease ".*"/i, 'the lease'), fields };
}

/** Calls both paths in turn. */
async function compare(gateway: PlainGateway, row: Row): Promise<void> {
  const { paths: [existing, missing] = ['/peer/app/', '/peer/nobody/'], headers = credential, code } = row;
  const one = await call(gateway, existing, headers);
  const other = await call(gateway, missing, headers);
  assert.deepEqual(one, other, row.what);
  assert.equal(one.code, code, row.what);
}

interface ShiftedGateway extends PlainGateway {
  /** Advances the gateway's clock. */
  readonly pass: (ms: number) => void;
}

async function start(t: TestContext, { policy }: Pick<Row, 'policy'>): Promise<ShiftedGateway> {
  let passedMs = 0;
  const clock: Clock = { ...systemClock, monotonicMs: () => systemClock.monotonicMs() + passedMs };
  const gateway = await startPlainGateway(t, (_, response) => response.end(), { policy, clock });
  return { ...gateway, pass: (ms) => (passedMs += ms) };
}

test('the response is the same, in every state of the relays', async (t) => {
  for (const row of rows) {
    const gateway = await start(t, row);
    const { transport } = gateway;
    // First without lists, then with current lists, then with old ones.
    await compare(gateway, row);
    await compare(gateway, row);
    gateway.pass(1_000_000);
    await compare(gateway, row);
    transport.current = 'down';
    await compare(gateway, row);
    const cold = await start(t, row);
    cold.transport.current = 'down';
    await compare(cold, row);
    const elsewhere = await start(t, row);
    elsewhere.transport.unpublish('app');
    elsewhere.transport.publish({ name: 'app', port: 1, id: appId, alpn: ['h2'] });
    await compare(elsewhere, row);
  }
});

test('the response takes the same time: both cases wait for a slow relay, or neither does', async (t) => {
  for (const row of rows) {
    const { paths: [existing, missing] = ['/peer/app/', '/peer/nobody/'], headers = credential } = row;
    const gateway = await start(t, row);
    const { transport } = gateway;
    // The lists are known, and enough time has passed for the relays to be asked again.
    await gateway.call('/peer/app/', { headers });
    for (const path of [existing, missing]) {
      gateway.pass(1_050);
      const { promise, resolve } = Promise.withResolvers<undefined>();
      transport.listsAfter = promise;
      const before = transport.listed;
      const state = { isOver: false };
      const response = call(gateway, path, headers).then(() => (state.isOver = true));
      while (transport.listed === before && !state.isOver) await turn();
      assert.equal(transport.listed - before, row.isEarly === true ? 0 : 1, `${row.what}: ${path}`);
      assert.equal(state.isOver, row.isEarly === true, `${row.what}: ${path}`);
      resolve(undefined);
      await response;
      transport.listsAfter = undefined;
      // Within the same second no request waits again.
      assert.equal(
        await call(gateway, path, headers).then(() => transport.listed - before),
        row.isEarly === true ? 0 : 1,
      );
    }
  }
});

test('a first lookup that takes more than a second is not repeated', async (t) => {
  const gateway = await start(t, { policy: { acl: { else: ['test'], '*': ['other'] } } });
  for (const path of ['/peer/app/', '/peer/nobody/']) {
    gateway.pass(1_000_000);
    gateway.transport.listed = 0;
    gateway.transport.listsAfter = turn().then(() => {
      gateway.pass(1_100);
    });
    assert.equal((await call(gateway, path, credential)).code, 'access_denied');
    assert.equal(gateway.transport.listed, 1, path);
  }
});

test('timing does not reveal that a lease was listed a moment ago either', async (t) => {
  const gateway = await start(t, { policy: { acl: { else: ['test'], '*': ['other'] } } });
  await call(gateway, '/peer/app/', credential);
  gateway.transport.unpublish('app');
  gateway.pass(1_050);
  await call(gateway, '/peer/app/', credential);
  const { listed } = gateway.transport;
  gateway.pass(150);
  assert.equal((await call(gateway, '/peer/app/', credential)).code, 'access_denied');
  assert.equal(gateway.transport.listed, listed);
});
