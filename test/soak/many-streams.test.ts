// 2,000 event streams and 2,000 WebSockets, open together for a minute through gateway, relay and
// app; their clients run in a separate process.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { mib } from '../helpers/back-pressure.ts';
import { PeerProcess } from '../helpers/peer-process.ts';
import type { PeerReport } from '../helpers/peers/parent.ts';
import type { StreamCounts } from '../helpers/peers/streams.ts';
import { ProcessPath } from '../helpers/process-path.ts';

const streamsEach = 2_000;
const seconds = 60;
/** One event a second, minus what may still be missing at the end on a busy machine. */
const fewestReceived = 50;

test(`${streamsEach} event streams and ${streamsEach} WebSockets stay open for ${seconds} s without loss`, async (t) => {
  // All streams go to one lease, and opening them is not measured here.
  const pool = { maxActive: 2 * streamsEach };
  const path = await ProcessPath.start(t, {
    app: { maxTunnels: 2 * streamsEach },
    gateway: { pool, timeouts: { dialMs: 60_000 } },
  });
  const clients = await PeerProcess.start(t, 'streams', {
    port: path.gateway.ready.port,
    eventStreams: streamsEach,
    webSockets: streamsEach,
  });
  const processes = { relay: path.relay, app: path.app, gateway: path.gateway, clients };
  const before = await path.gateway.report();

  const openedMs = performance.now();
  await clients.ask('open');
  t.diagnostic(`open after ${((performance.now() - openedMs) / 1000).toFixed(1)} s`);
  const counts = (): Promise<readonly StreamCounts[]> => clients.ask('counts');
  for (const { open } of await counts()) assert.equal(open, streamsEach);

  for (const peer of Object.values(processes)) await peer.ask('lag');
  await setTimeout(seconds * 1_000);
  for (const { open, lost, wrong, fewest } of await counts()) {
    assert.deepEqual([open, lost, wrong], [streamsEach, 0, 0]);
    assert.ok(fewest >= fewestReceived, `one got ${fewest} in ${seconds} s`);
  }
  for (const [name, peer] of Object.entries(processes)) {
    const { rssBytes, peakRssBytes }: PeerReport = await peer.report();
    const { p99Ms, maxMs } = await peer.ask<{ p99Ms: number; maxMs: number }>('lag');
    const lag = `loop lag ${p99Ms.toFixed(1)} ms at the 99th percentile, ${maxMs.toFixed(1)} ms at most`;
    t.diagnostic(`${name}: RSS ${mib(rssBytes)}, ${mib(peakRssBytes)} at most; ${lag}`);
  }
  const { rssBytes } = await path.gateway.report();
  t.diagnostic(`a stream costs the gateway ${((rssBytes - before.rssBytes) / 1024 / 2 / streamsEach).toFixed(1)} KiB`);

  await clients.ask('close');
  const left = async (): Promise<number> => {
    const [streams = 0] = await path.gateway.objects('streams');
    return streams;
  };
  while ((await left()) > 0);
});
