// A rolling restart of a published app, over a relay that deletes a lease for any connection that
// asks, as real relays do. The old and the new process are two relay clients with one identity.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test, type TestContext } from 'node:test';
import { Bridge } from '../../src/expose/bridge.ts';
import { publish } from '../../src/expose/publish.ts';
import { parseTarget } from '../../src/expose/app/target.ts';
import { connect, createCredential, RelayClient, type Credential, type SecureChannel } from '../../src/portal/index.ts';
import { LeaseTable } from '../../src/relay/lease-table.ts';
import { createRelay } from '../../src/relay/relay.ts';

interface TolerantRelay {
  readonly url: string;
  readonly leases: () => number;
  readonly deletes: () => number;
  /** Resolves when a lease has moved to another connection for the `count`th time. */
  readonly moved: (count: number) => Promise<void>;
}

async function startRelay(t: TestContext): Promise<TolerantRelay> {
  let deletes = 0;
  let moves = 0;
  const waiting: (() => void)[] = [];
  const remove = Reflect.get(LeaseTable.prototype, 'delete') as LeaseTable<unknown>['delete'];
  t.mock.method(LeaseTable.prototype, 'delete', function (this: LeaseTable<unknown>, id: string) {
    deletes += 1;
    return remove.call(this, id, this.find(id)?.holder);
  });
  const relay = createRelay({
    port: 0,
    identity: createCredential(),
    log: (entry) => {
      if (entry.event !== 'lease_dropped' || entry.reason !== 'moved') return;
      moves += 1;
      for (const look of waiting) look();
    },
  });
  t.after(() => relay.close());
  const { url } = await relay.listen();
  return {
    url,
    leases: () => relay.counts().leases,
    deletes: () => deletes,
    moved: (count) =>
      new Promise((resolve) => {
        const look = (): void => {
          if (moves >= count) resolve();
        };
        waiting.push(look);
        look();
      }),
  };
}

interface Options {
  readonly renewEveryMs: number;
  /**
   * How much longer than 30 s each lease lasts, up to 14 s, so that the expiries of two processes
   * differ.
   */
  readonly aheadMs?: number;
}

async function publisher(t: TestContext, url: string, credential: Credential, options: Options): Promise<RelayClient> {
  const { renewEveryMs, aheadMs = 0 } = options;
  const client = new RelayClient({ url, credential, renewEveryMs, random: () => aheadMs / 15_000 });
  t.after(() => client.close());
  await client.ready(AbortSignal.timeout(10_000));
  return client;
}

/** Resolves when the relay lists the lease with a new expiry. */
async function listedAgain(client: RelayClient, before: number | undefined): Promise<number> {
  for (;;) {
    const { leases } = await client.info(AbortSignal.timeout(10_000));
    const listed = leases[0]?.expiresAtMs;
    if (listed !== undefined && listed !== before) return listed;
  }
}

/**
 * Sends POST requests over one tunnel at a time, each until a response ends it. Returns the number
 * of responses.
 */
async function post(dial: () => Promise<SecureChannel>, isDone: () => boolean): Promise<number> {
  let responded = 0;
  let tunnel: SecureChannel | undefined;
  while (!isDone()) {
    tunnel ??= await dial();
    tunnel.write('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello');
    let response = '';
    while (!response.endsWith('\r\n\r\nok')) {
      const [chunk] = (await once(tunnel, 'data')) as [Buffer];
      response += chunk.toString('latin1');
    }
    assert.match(response, /^HTTP\/1\.1 200 /);
    responded += 1;
    if (!/^connection: close/im.test(response)) continue;
    tunnel.destroy();
    tunnel = undefined;
  }
  tunnel?.destroy();
  return responded;
}

test('no POST fails while a new process takes over the lease and the old one drains, and the lease is not deleted', async (t) => {
  const relay = await startRelay(t);
  const credential = createCredential();
  const server = createServer((request, response) => {
    request.resume().once('end', () => response.setHeader('Content-Length', 2).end('ok'));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const target = parseTarget(`127.0.0.1:${(server.address() as AddressInfo).port}`);
  const run = async (aheadMs: number): Promise<{ client: RelayClient; stop(): Promise<void> }> => {
    const client = await publisher(t, relay.url, credential, { renewEveryMs: 10_000, aheadMs });
    const bridge = new Bridge({ target });
    const signals = { signal: new AbortController(), handOver: new AbortController() };
    const publishing = publish({ name: 'app', credential, allowClients: [] }, [client], bridge, {
      signal: signals.signal.signal,
      handOver: signals.handOver.signal,
    });
    t.after(() => bridge.close());
    return {
      client,
      stop: async () => {
        bridge.drain();
        signals.handOver.abort();
        await publishing;
        await bridge.close(5_000);
        await client.close();
      },
    };
  };
  const first = await run(0);
  const listed = await listedAgain(first.client, undefined);
  const session = await connect(relay.url, { credential: createCredential() });
  t.after(() => session.close());
  let isDone = false;
  const dial = (): Promise<SecureChannel> =>
    session.dial(credential.id, { alpn: 'http/1.1', signal: AbortSignal.timeout(10_000) });
  const workers = Promise.all(Array.from({ length: 16 }, () => post(dial, () => isDone)));
  const second = await run(2_000);
  await listedAgain(second.client, listed);
  await first.stop();
  isDone = true;
  const responded = await workers;
  assert.ok(responded.every((count) => count > 0));
  assert.equal(
    await post(
      dial,
      (() => {
        let asked = 0;
        return () => (asked += 1) > 3;
      })(),
    ),
    3,
  );
  assert.deepEqual([relay.leases(), relay.deletes()], [1, 0]);
});

test('a process that renewed the lease last keeps serving until the other one holds it', async (t) => {
  const relay = await startRelay(t);
  const credential = createCredential();
  const offer = { name: 'app', alpn: ['http/1.1'], credential };
  const first = await publisher(t, relay.url, credential, { renewEveryMs: 2_000 });
  const handOver = new AbortController();
  const tunnels = first.listen({ ...offer, handOver: handOver.signal });
  await listedAgain(first, undefined);
  const caller = await connect(relay.url, { credential: createCredential() });
  t.after(() => caller.close());
  // It renews a second after the first process does: enough time for a dial on a busy machine.
  const second = await publisher(t, relay.url, credential, { renewEveryMs: 1_500, aheadMs: 5_000 });
  const others = second.listen(offer);
  await relay.moved(2);
  handOver.abort();
  const dial = (): Promise<SecureChannel> =>
    caller.dial(credential.id, { alpn: 'http/1.1', signal: AbortSignal.timeout(10_000) });
  const [dialled, accepted] = await Promise.all([dial(), tunnels.next()]);
  assert.equal(accepted.done, false, 'the old process accepts');
  dialled.destroy();
  assert.equal((await tunnels.next()).done, true);
  await first.close();
  assert.deepEqual([relay.leases(), relay.deletes()], [1, 0]);
  const [again, taken] = await Promise.all([dial(), others.next()]);
  assert.equal(taken.done, false);
  again.destroy();
});

test('a process without a successor serves for one renewal interval and deletes its lease', async (t) => {
  const relay = await startRelay(t);
  const credential = createCredential();
  const client = await publisher(t, relay.url, credential, { renewEveryMs: 1_000 });
  const handOver = new AbortController();
  const tunnels = client.listen({ name: 'app', alpn: ['http/1.1'], credential, handOver: handOver.signal });
  await listedAgain(client, undefined);
  handOver.abort();
  const dialled = client.dial(credential.id, { alpn: 'http/1.1', signal: AbortSignal.timeout(10_000) });
  assert.equal((await tunnels.next()).done, false);
  (await dialled).destroy();
  assert.equal((await tunnels.next()).done, true);
  assert.deepEqual([relay.leases(), relay.deletes()], [0, 1]);
});

test('a client that closes deletes nothing: its relay drops the lease with the connection', async (t) => {
  const relay = await startRelay(t);
  const credential = createCredential();
  const client = await publisher(t, relay.url, credential, { renewEveryMs: 10_000 });
  client.listen({ name: 'app', alpn: ['http/1.1'], credential });
  await listedAgain(client, undefined);
  await client.close();
  const caller = await connect(relay.url, { credential: createCredential() });
  t.after(() => caller.close());
  while ((await caller.info(AbortSignal.timeout(10_000))).leases.length > 0);
  assert.equal(relay.deletes(), 0);
});
