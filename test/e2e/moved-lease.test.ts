// An app that reconnected with a new lease id, while the gateway still uses the list with the old
// one.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { test, type TestContext } from 'node:test';
import { systemClock, type Clock } from '../../src/kernel/clock.ts';
import { auth, startPlainGateway, type PlainGateway } from '../helpers/plain-gateway.ts';
import { testLease, type testPolicy } from '../helpers/policy.ts';

const oldId = `O${'A'.repeat(25)}`;
const newId = `N${'A'.repeat(25)}`;

/**
 * The app responds with its method, its Host and the body. The gateway has listed `name` with the
 * old id and has no newer list.
 */
async function start(
  t: TestContext,
  policy: Parameters<typeof testPolicy>[0] = {},
  clock: Clock = systemClock,
): Promise<PlainGateway & { readonly comeBack: (id?: string) => void; readonly endApp: () => Promise<void> }> {
  const gateway = await startPlainGateway(
    t,
    (request, response) => {
      void buffer(request).then((body) => {
        response.end(`${request.method ?? ''} ${request.headers.host ?? ''} ${body.toString()}`);
      });
    },
    { policy: { acl: { '*': ['*'] }, ...policy }, clock },
  );
  const { transport, app, call } = gateway;
  const { port } = app.address() as AddressInfo;
  transport.publish({ name: 'moving', id: oldId, port });
  assert.equal((await call('/peer/moving/')).status, 200);
  /** Closes the app and its tunnels. */
  const endApp = async (): Promise<void> => {
    const open = transport.tunnels.filter(({ closed }) => !closed);
    const closed = open.map((tunnel) => once(tunnel, 'close'));
    for (const tunnel of open) tunnel.destroy();
    await Promise.all(closed);
    transport.unpublish('moving');
  };
  await endApp();
  return {
    ...gateway,
    endApp,
    comeBack: (id = newId) => {
      transport.publish({ name: 'moving', id, port });
    },
  };
}

for (const [what, call, text] of [
  ['a GET', {}, 'GET moving '],
  ['a POST of known length', { method: 'POST', body: 'once' }, 'POST moving once'],
  ['a chunked POST', { method: 'POST', body: Readable.from(['on', 'ce']) }, 'POST moving once'],
] as const) {
  test(`the first request to an app that returned with a new id reaches it: ${what}`, async (t) => {
    const { call: send, comeBack } = await start(t);
    comeBack();
    const response = await send('/peer/moving/', call);
    assert.deepEqual([response.status, response.text], [200, text]);
  });
}

test('an app may return with a new id repeatedly', async (t) => {
  let passedMs = 0;
  const clock: Clock = {
    monotonicMs: () => systemClock.monotonicMs() + passedMs,
    wallMs: () => systemClock.wallMs(),
  };
  const { call, comeBack, endApp } = await start(t, {}, clock);
  for (const id of [newId, oldId, newId, oldId]) {
    comeBack(id);
    // The directory may ask the relay again at once, and its list is still in use.
    passedMs += 1_000;
    assert.equal((await call('/peer/moving/', { method: 'POST', body: 'x' })).status, 200);
    await endApp();
  }
});

test('concurrent requests cause one list request, or one more than in progress', async (t) => {
  const { call, comeBack, transport } = await start(t);
  comeBack();
  const listed = transport.listed;
  const responses = await Promise.all(
    Array.from({ length: 16 }, () => call('/peer/moving/', { method: 'POST', body: 'x' })),
  );
  assert.deepEqual([...new Set(responses.map(({ status }) => status))], [200]);
  assert.ok(transport.listed - listed <= 2, String(transport.listed - listed));
});

test('dials an app that does not return at most twice, and its callers get 502', async (t) => {
  const { call, comeBack, transport } = await start(t);
  const once = await call('/peer/moving/', { method: 'POST', body: 'x' });
  assert.deepEqual([once.status, (JSON.parse(once.text) as { code: string }).code], [502, 'lease_unreachable']);

  comeBack(oldId);
  let dials = 0;
  const dial = transport.dial.bind(transport);
  transport.dial = (lease, options) => {
    dials += 1;
    // The relay lists the lease but does not know it.
    return dial({ id: lease.id === oldId ? newId : lease.id }, options);
  };
  assert.equal((await call('/peer/app/')).status, 200);
  dials = 0;
  assert.equal((await call(`/peer/${oldId}/`, { method: 'POST', body: 'x' })).status, 502);
  assert.ok(dials <= 2, String(dials));
});

test('the rules for the new lease apply: a caller that may use only the old one is rejected', async (t) => {
  const { call, comeBack, transport } = await start(t, { acl: { [oldId]: ['*'] } });
  comeBack();
  const tunnels = transport.tunnels.length;
  const response = await call('/peer/moving/', { headers: auth });
  assert.deepEqual([response.status, (JSON.parse(response.text) as { code: string }).code], [502, 'lease_unreachable']);
  assert.equal(transport.tunnels.length, tunnels);
});

test('the settings of the new lease apply', async (t) => {
  const { call, comeBack } = await start(t, { leases: { [newId]: testLease({ hostHeader: 'new.test' }) } });
  comeBack();
  assert.equal((await call('/peer/moving/')).text, 'GET new.test ');
});

test('the id of the old lease does not lead to the new one', async (t) => {
  const { call, comeBack } = await start(t);
  comeBack();
  assert.equal((await call(`/peer/${oldId}/`)).status, 502);
});
