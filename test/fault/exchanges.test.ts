// Each fault hits exchanges at every point at once: the outcome of one must not depend on the
// others. Afterwards the surviving processes hold no more than before, and the path works again.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pointNames } from '../helpers/exchange-points.ts';
import * as expected from './exchange-table.ts';
import type { Cells, Place } from './exchange-table.ts';
import { FaultPath, type FaultSettings } from './fault-path.ts';
import { holdAt, type HeldExchange } from './held-exchange.ts';

type Held = ReadonlyMap<Place, HeldExchange>;

const shortDialMs = 1_000;

interface Fault {
  readonly name: string;
  /** raw: the app writes into the tunnel itself. app: the app runs behind expose. */
  readonly lease: 'raw' | 'app';
  readonly cells: Cells;
  readonly settings?: FaultSettings;
  /** Timeout of the dial that gets no response. */
  readonly dialMs?: number;
  /** Resolves when the fault has happened; the client may see its effects later. */
  readonly strike: (path: FaultPath, held: Held) => Promise<void>;
  /** Makes the path work again; most faults need nothing. */
  readonly recover?: (path: FaultPath) => Promise<void>;
}

const finish = async (path: FaultPath, held: Held): Promise<void> => {
  for (const exchange of held.values()) exchange.finish();
  await path.app.ask('finish');
};

const faults: readonly Fault[] = [
  {
    name: 'the app is killed',
    lease: 'raw',
    cells: expected.appKilled,
    strike: (path) => path.app.kill(),
    recover: (path) => path.restartApp(),
  },
  {
    name: 'the app ends its side',
    lease: 'raw',
    cells: expected.appEnds,
    strike: (path) => path.app.ask('end'),
  },
  {
    name: 'the app is killed but its expose is not',
    lease: 'app',
    cells: expected.localAppGone,
    strike: (path) => path.app.ask('cut'),
  },
  {
    name: 'the relay is killed and restarted',
    lease: 'raw',
    cells: expected.tunnelLost,
    strike: (path) => path.relay.kill(),
    recover: (path) => path.reunited(() => path.restartRelay()),
  },
  {
    name: 'the relay stalls',
    lease: 'raw',
    cells: expected.tunnelLost,
    // Longer than a busy machine delays a live relay.
    settings: { keepalive: { intervalMs: 1_000, timeoutMs: 4_000 } },
    dialMs: 10_000,
    strike: async (path) => {
      const lost = Promise.all([path.gateway.event('down'), path.app.event('down')]);
      path.relay.freeze();
      await lost;
    },
    recover: (path) =>
      path.reunited(() => {
        path.relay.thaw();
      }),
  },
  {
    name: 'the client leaves',
    lease: 'raw',
    cells: expected.clientGone,
    strike: async (path, held) => {
      const felt = Promise.all(pointNames.map((name) => path.app.event(`left ${name}`)));
      for (const exchange of held.values()) exchange.leave();
      await felt;
    },
  },
  {
    name: 'the policy is replaced by one that denies everything',
    lease: 'raw',
    cells: expected.goesOn,
    strike: async (path, held) => {
      await path.gateway.ask('apply', {
        auth: { keys: [] },
        timeouts: { responseHeadersMs: 1, bodyIdleMs: 1 },
      });
      assert.equal(await path.plain('raw'), '401 invalid_credentials');
      await path.failures();
      await finish(path, held);
    },
    recover: (path) => path.gateway.ask('apply', {}),
  },
  {
    name: 'SIGTERM, and everything ends within the grace period',
    lease: 'raw',
    cells: expected.goesOn,
    strike: async (path, held) => {
      const draining = path.gateway.event('draining');
      path.gateway.terminate();
      await draining;
      await finish(path, held);
      await path.gateway.event('drained');
    },
  },
  {
    name: 'SIGTERM, and the grace period ends first',
    lease: 'raw',
    cells: expected.graceOver,
    settings: { graceMs: 300 },
    strike: async (path) => {
      const drained = path.gateway.event('drained');
      path.gateway.terminate();
      await drained;
    },
  },
];

/** Holds an exchange at each point. One that ends before its point fails the test. */
async function hold(path: FaultPath, lease: string): Promise<Map<Place, HeldExchange>> {
  const held = new Map<Place, HeldExchange>();
  await Promise.all(
    pointNames.map(async (name) => {
      const arrived = path.app.event(`arrived ${name}`);
      const exchange = holdAt(path.port, lease, name);
      held.set(name, exchange);
      const early = exchange.outcome.then((outcome) => `${name} ended early: ${outcome}`);
      assert.equal(await Promise.race([early, Promise.all([arrived, exchange.seen]).then(() => 'held')]), 'held');
    }),
  );
  // The response to a later request shows that the gateway has received everything the app sent
  // before.
  assert.equal(await path.plain(lease), '200 plain');
  return held;
}

async function holdDial(path: FaultPath, held: Map<Place, HeldExchange>, dialMs: number): Promise<void> {
  const arrived = path.app.event('arrived dialling');
  await path.gateway.ask('apply', { timeouts: { dialMs } });
  held.set('dialling', holdAt(path.port, '', 'dialling'));
  await arrived;
  await path.gateway.ask('apply', {});
}

for (const { name, lease, cells, settings, dialMs = shortDialMs, strike, recover } of faults) {
  test(name, async (t) => {
    const path = await FaultPath.start(t, settings);
    const warm = await hold(path, lease);
    await finish(path, warm);
    for (const { outcome } of warm.values()) await outcome;
    // Deadlines of the same duration share a timer, which outlives the request that first needed
    // it.
    for (const name of ['raw', 'app']) assert.equal(await path.plain(name), '200 plain');
    const before = await path.before();

    const held = await hold(path, lease);
    await holdDial(path, held, dialMs);
    const requestIds = await path.app.ask<Readonly<Record<string, string>>>('requestIds');
    await path.failures();
    await strike(path, held);
    const outcomes = new Map<Place, string>();
    for (const [place, { outcome }] of held) outcomes.set(place, await outcome);
    const failures = new Map(await path.failures());
    for (const place of pointNames) {
      const id = requestIds[place] ?? '';
      await t.test(place, () => {
        assert.deepEqual([outcomes.get(place), failures.get(id) ?? 'nothing'], cells[place]);
      });
      failures.delete(id);
    }
    await t.test('dialling', () => {
      // The app never saw this request; it is the only failure left.
      assert.deepEqual([outcomes.get('dialling'), [...failures.values()].join()], cells.dialling);
    });
    if (recover !== undefined) {
      await recover(path);
      for (const name of ['raw', 'app']) assert.equal(await path.plain(name), '200 plain');
    }
    await path.checkNothingLeft(before);
  });
}
