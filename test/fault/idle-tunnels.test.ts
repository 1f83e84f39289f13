// Idle tunnels die with the app or the relay without any effect: the next request succeeds, and no
// error is reported.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FaultPath } from './fault-path.ts';

/** The gateway's default. */
const pool = { maxIdle: 100 };

const faults: readonly { readonly name: string; strike: (path: FaultPath) => Promise<void> }[] = [
  {
    name: 'the app was killed and restarted',
    strike: async (path) => {
      await path.app.kill();
      await path.restartApp();
    },
  },
  {
    name: 'the relay was killed and restarted',
    strike: async (path) => {
      await path.relay.kill();
      await path.reunited(() => path.restartRelay());
    },
  },
  {
    name: 'the relay stalled until its connection was closed',
    strike: async (path) => {
      const lost = Promise.all([path.gateway.event('down'), path.app.event('down')]);
      path.relay.freeze();
      await lost;
      await path.reunited(() => {
        path.relay.thaw();
      });
    },
  },
];

for (const { name, strike } of faults) {
  test(`the next request is not affected: ${name}`, async (t) => {
    const keepalive = { intervalMs: 1_000, timeoutMs: 4_000 };
    const path = await FaultPath.start(t, { pool, keepalive });
    for (const lease of ['raw', 'app']) assert.equal(await path.plain(lease), '200 plain');
    assert.equal(await path.tunnels(), 2);
    await strike(path);
    for (const lease of ['raw', 'app']) assert.equal(await path.plain(lease), '200 plain');
    assert.deepEqual([...(await path.failures()).values()], []);
    assert.equal(await path.tunnels(), 2);
  });
}

test('a policy that keeps no tunnels ends idle ones with their next request', async (t) => {
  const path = await FaultPath.start(t, { pool: {} });
  assert.equal(await path.plain('raw'), '200 plain');
  assert.equal(await path.tunnels(), 1);
  await path.gateway.ask('apply', { pool: { maxIdle: 0 } });
  assert.equal(await path.plain('raw'), '200 plain');
  while ((await path.tunnels()) !== 0);
});
