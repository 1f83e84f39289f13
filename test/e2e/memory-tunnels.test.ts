// Memory cost of idle tunnels in a gateway, and that abandoned tunnels leave nothing behind.
// Gateway, relay and app run in their own processes.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { ProcessPath } from '../helpers/process-path.ts';

const maxIdleTunnelBytes = 60 * 1024;
const idleTunnels = 2_000;

test(`${idleTunnels} idle tunnels cost the gateway less than 60 KiB each`, async (t) => {
  const pool = { maxIdle: idleTunnels, maxActive: idleTunnels };
  // Timing is not tested here: a busy machine takes seconds for this many handshakes.
  const timeouts = { dialMs: 60_000 };
  const path = await ProcessPath.start(t, { gateway: { pool, timeouts } });

  // This many concurrent requests need as many tunnels; the app responds to none before it has
  // received all of them.
  const burst = async (count: number): Promise<void> => {
    const allHeld = path.app.event('held');
    const responses = Array.from({ length: count }, () => path.call(`/held/${count}`).response);
    const texts = responses.map(async (response) => text(await response));
    // A response that the app did not hold is an error.
    assert.equal(await Promise.race([allHeld, ...texts]), undefined);
    await path.app.ask('release');
    assert.deepEqual(new Set(await Promise.all(texts)), new Set(['released']));
  };
  const rssBytes = async (): Promise<number> => {
    await path.gateway.ask('collect');
    return (await path.gateway.report()).rssBytes;
  };
  await burst(50);
  const before = await rssBytes();
  await burst(idleTunnels);
  const [tunnels = 0] = await path.gateway.objects('tunnels');
  assert.equal(tunnels, idleTunnels);
  const eachBytes = ((await rssBytes()) - before) / (idleTunnels - 50);
  t.diagnostic(`${(eachBytes / 1024).toFixed(1)} KiB each`);
  assert.ok(eachBytes < maxIdleTunnelBytes, `${(eachBytes / 1024).toFixed(1)} KiB each`);
});

const downloads = 200;
/** This many at once: each holds kernel buffers, which are not measured here. */
const atOnce = 25;

test(`${downloads} downloads abandoned in the middle leave nothing behind within a second`, async (t) => {
  const path = await ProcessPath.start(t);
  const abandon = async (count: number): Promise<void> => {
    const calls = Array.from({ length: count }, () => path.call('/endless'));
    for (const { response: response } of calls) await once(await response, 'data');
    for (const { outgoing } of calls) outgoing.destroy();
  };
  const left = async (): Promise<string> => {
    const reports = await Promise.all(path.all.map((peer) => peer.report()));
    const counts = await path.relay.ask<object>('counts');
    return JSON.stringify([...reports.map(({ resources }) => resources), counts]);
  };
  // The loop that accepts tunnels for an app still refers to the last one while it waits for the
  // next.
  const objects = (): Promise<unknown> =>
    Promise.all([
      path.relay.objects('streams'),
      path.app.objects('streams', 'tunnels'),
      path.gateway.objects('streams', 'tunnels'),
    ]);

  // A pending immediate is not a leak, but the wait below would include it.
  let fresh = await left();
  while (fresh.includes('Immediate')) fresh = await left();
  await abandon(1);
  while ((await left()) !== fresh);
  const before = await objects();

  for (let done = 0; done < downloads; done += atOnce) await abandon(atOnce);
  const abandonedAtMs = performance.now();
  while ((await left()) !== fresh)
    assert.ok(performance.now() - abandonedAtMs < 1_000, `${await left()} is not ${fresh}`);
  t.diagnostic(`nothing left after ${(performance.now() - abandonedAtMs).toFixed(0)} ms`);
  assert.deepEqual(await objects(), before);
});
