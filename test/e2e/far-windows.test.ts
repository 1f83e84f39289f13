// Flow control windows over a long path through our relay: how many round trips a bulk transfer
// takes, whichever hop is the long one, and that the window budgets are refunded when the tunnel
// ends.
import assert from 'node:assert/strict';
import type { Duplex } from 'node:stream';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { createCredential, RelayClient, WindowBudget } from '../../src/portal/index.ts';
import { openDelayPipe } from '../helpers/delay-pipe.ts';
import { startRelay } from '../helpers/relay-bench.ts';

const bulkBytes = 67_108_864;
/**
 * 64 MiB take 256 round trips with windows of 256 KiB, and 6 with windows that grow to 2 and then
 * 16 MiB. A machine that is busy for longer than the pipe waits splits a burst, and looks like a
 * path with less bandwidth.
 */
const maxTrips = 40;

async function send(sink: Duplex): Promise<void> {
  const block = Buffer.alloc(262_144, 'x');
  for (let left = bulkBytes; left > 0; left -= block.length)
    await new Promise<void>((resolve, reject) => {
      sink.write(block, (error) => {
        if (error) reject(error);
        else resolve();
      });
    });
}

async function receive(source: Duplex): Promise<void> {
  let left = bulkBytes;
  for await (const chunk of source.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    left -= chunk.length;
    if (left <= 0) return;
  }
  throw new Error(`the tunnel ended ${left} bytes too early`);
}

for (const far of ['client', 'app'] as const)
  test(`64 MiB take a few round trips each way with a distant ${far}`, async (t) => {
    const budgets = Array.from({ length: 3 }, () => new WindowBudget(268_435_456));
    const [relayBudget, appBudget, clientBudget] = budgets as [WindowBudget, WindowBudget, WindowBudget];
    const relay = await startRelay(t, {}, { windowBudget: relayBudget });
    const pipe = await openDelayPipe(relay.port, { delayMs: 100, hold: 'bursts' });
    t.after(() => {
      pipe.close();
    });
    const farUrl = `ws://127.0.0.1:${pipe.port}/relay`;
    const lease = createCredential();
    const { promise: published, resolve } = Promise.withResolvers<undefined>();
    const app = new RelayClient({
      url: far === 'app' ? farUrl : relay.url,
      credential: createCredential(),
      windowBudget: appBudget,
      log: ({ type }) => {
        if (type === 'published') resolve(undefined);
      },
    });
    const client = new RelayClient({
      url: far === 'client' ? farUrl : relay.url,
      credential: createCredential(),
      windowBudget: clientBudget,
    });
    t.after(() => Promise.all([app.close(), client.close()]));
    const tunnels = app.listen({ name: 'app', credential: lease, alpn: ['http/1.1'] });
    await published;
    const signal = AbortSignal.timeout(60_000);
    await client.ready(signal);
    const [atClient, accepted] = await Promise.all([
      client.dial(lease.id, { alpn: 'http/1.1', signal }),
      tunnels.next(),
    ]);
    assert.ok(accepted.done !== true);
    const atApp = accepted.value;
    for (const end of [atApp, atClient]) end.on('error', () => undefined);

    for (const [from, to, isUp] of [
      [atApp, atClient, false],
      [atClient, atApp, true],
    ] as const) {
      const bursts = (): number => (isUp === (far === 'client') ? pipe.burstsToTarget : pipe.burstsFromTarget);
      const before = bursts();
      await Promise.all([send(from), receive(to)]);
      const trips = bursts() - before;
      t.diagnostic(`${isUp ? 'to' : 'from'} the app: ${trips} round trips`);
      assert.ok(trips <= maxTrips, `${trips} round trips`);
    }
    const held = (): number[] => budgets.map(({ heldBytes }) => heldBytes);
    assert.ok(
      held().every((bytes) => bytes > 0),
      held().join(),
    );
    assert.equal(clientBudget.heldBytesOf(lease.id), clientBudget.heldBytes, 'the lease is the holder of the window');
    for (const end of [atApp, atClient]) end.destroy();
    while (held().some((bytes) => bytes > 0)) await setImmediate();
  });
