// Our relay's memory for its peers has one total with a share for each address, over however many
// connections, streams and sockets.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { test, type TestContext } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { WebSocket } from 'ws';
import { ResponseCode } from '../../src/portal/packets/packets.ts';
import { WindowBudget } from '../../src/portal/yamux/window-budget.ts';
import { startRelay, type RelayBench } from '../helpers/relay-bench.ts';
import { RelayPeer, type TestStream } from '../helpers/relay-peer.ts';

const { ACCEPTED, REJECTED } = ResponseCode;
const mebibyte = 1_048_576;
const stranger = '127.0.0.9';
/** If a limit does not hold, nothing is cut and the test would wait forever. */
const limit = { timeout: 180_000 };

/** The relay's URL for peers from another address of this machine. */
async function urlFrom(t: TestContext, bench: RelayBench, localAddress: string): Promise<string> {
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const relay = connect({ host: '127.0.0.1', port: bench.port, localAddress });
    for (const [one, other] of [
      [client, relay],
      [relay, client],
    ] as const) {
      sockets.add(one);
      one.pipe(other);
      one.on('error', () => undefined);
      one.on('close', () => {
        sockets.delete(one);
        other.destroy();
      });
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return `ws://127.0.0.1:${(server.address() as AddressInfo).port}/relay`;
}

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await setImmediate();
}

test(
  '1,200 unread tunnels of two connections hold the share of their address, and nothing once they are gone',
  limit,
  async (t) => {
    const share = 16 * mebibyte;
    const bench = await startRelay(t, { memoryBytesPerAddress: share });
    const url = await urlFrom(t, bench, stranger);
    const [app, client] = [await RelayPeer.connect(url), await RelayPeer.connect(url)];
    t.after(() => {
      app.close();
      client.close();
    });
    assert.equal(await app.register(), ACCEPTED);
    let [tunnels, refused, cut, most] = [0, 0, 0, 0];
    // Sends more than a window and then reads nothing: the excess waits in the relay.
    const fill = (stream: TestStream): void => {
      stream.pause();
      stream.write(Buffer.alloc(300_000));
      stream.failure().then(
        () => (cut += 1),
        () => undefined,
      );
    };
    const accept = (): void => {
      app
        .respond(ACCEPTED)
        .then(fill, () => undefined)
        .finally(accept);
    };
    accept();
    for (let i = 0; i < 1_200; i += 1) {
      const dialled = await client.dial(app.id);
      const code = await dialled.code().catch(() => REJECTED);
      if (code === ACCEPTED) {
        fill(dialled);
        tunnels += 1;
      } else refused += 1;
      most = Math.max(most, bench.relay.heldBytes());
    }
    await until(() => cut > 0);
    most = Math.max(most, bench.relay.heldBytes());
    t.diagnostic(
      `${tunnels} tunnels, ${refused} refused, ${cut} ends cut, at most ${(most / mebibyte).toFixed(1)} MiB held`,
    );
    assert.ok(most <= share);
    await bench.assertServing(Buffer.alloc(mebibyte));
    app.close();
    client.close();
    await until(() => bench.relay.counts().connections === 0 && bench.relay.heldBytes() === 0);
  },
);

test(
  '4,500 half-open upgrades from one address hold its share of the sockets and exclude no other client',
  limit,
  async (t) => {
    const bench = await startRelay(t);
    const sockets = Array.from({ length: 4_500 }, () => {
      const socket = connect({ host: '127.0.0.1', port: bench.port, localAddress: stranger });
      socket.on('error', () => undefined).write('GET /relay HTTP/1.1\r\nHost: x\r\n');
      return socket.resume();
    });
    t.after(() => {
      for (const socket of sockets) socket.destroy();
    });
    const closed = (): number => sockets.filter((socket) => socket.closed).length;
    // 512, and a few more that carry the error responses.
    await until(() => closed() >= 4_500 - 528);
    assert.equal(closed(), 4_500 - 528);
    await bench.assertServing(Buffer.alloc(mebibyte));
    assert.equal(
      bench.events.filter(({ event }) => event === 'connection_refused').length,
      1,
      'one event for all of them',
    );
  },
);

test('incomplete messages count for the address, over all its connections', limit, async (t) => {
  const share = 8 * mebibyte;
  const bench = await startRelay(t, { memoryBytesPerAddress: share });
  const url = await urlFrom(t, bench, stranger);
  let cut = 0;
  let most = 0;
  for (let i = 0; i < 20; i += 1) {
    const ws = new WebSocket(url, { perMessageDeflate: false });
    ws.on('error', () => undefined).on('close', () => (cut += 1));
    await once(ws, 'open');
    t.after(() => {
      ws.terminate();
    });
    const { _socket: socket } = ws as unknown as { _socket: Socket };
    // RFC 6455 §5.2: a masked binary frame of 2 MiB whose last byte never comes.
    const head = Buffer.from([0x82, 0xff, 0, 0, 0, 0, 0, 0x20, 0, 0, 0, 0, 0, 0]);
    socket.write(Buffer.concat([head, Buffer.alloc(2 * mebibyte - 1)]));
    const before = bench.relay.heldBytes();
    const cutBefore = cut;
    await until(() => bench.relay.heldBytes() > before + mebibyte || cut > cutBefore);
    most = Math.max(most, bench.relay.heldBytes());
  }
  t.diagnostic(`${cut} of 20 cut, at most ${(most / mebibyte).toFixed(1)} MiB held`);
  assert.ok(most <= share);
  assert.ok(cut >= 20 - share / (2 * mebibyte));
  await bench.assertServing(Buffer.alloc(mebibyte));
});

test('limits incomplete requests of one address to its share, over all its connections', limit, async (t) => {
  const share = 4 * mebibyte;
  const bench = await startRelay(t, { memoryBytesPerAddress: share });
  const url = await urlFrom(t, bench, stranger);
  const half = Buffer.alloc(200_000);
  half.writeUInt32BE(400_000);
  let failed = 0;
  for (let i = 0; i < 10; i += 1) {
    const peer = await RelayPeer.connect(url);
    t.after(() => {
      peer.close();
    });
    for (let j = 0; j < 5; j += 1)
      void (await peer.open())
        .write(half)
        .failure()
        .then(() => (failed += 1));
  }
  // 50 of them take 10 MB.
  await until(() => failed >= 30);
  assert.ok(bench.relay.heldBytes() <= share);
  await bench.assertServing(Buffer.alloc(mebibyte));
});

test(
  'streams of one address leave others growth of receive windows, over any number of connections',
  limit,
  async (t) => {
    const windowBudget = new WindowBudget(16 * mebibyte);
    const bench = await startRelay(t, {}, { windowBudget });
    const url = await urlFrom(t, bench, stranger);
    const app = await bench.peer();
    await app.register();
    /** The relay reads it fast, so its window there grows. */
    const upload = async (client: RelayPeer): Promise<void> => {
      const dialled = await client.dial(app.id);
      const atApp = await app.respond(ACCEPTED);
      assert.equal(await dialled.code(), ACCEPTED);
      const block = Buffer.alloc(262_144);
      for (let sent = 0; sent < 16; sent += 1) await Promise.all([dialled.pump(block), atApp.read(block.length)]);
    };
    for (let connections = 0; connections < 6; connections += 1) {
      const client = await RelayPeer.connect(url);
      t.after(() => {
        client.close();
      });
      for (let streams = 0; streams < 6; streams += 1) await upload(client);
    }
    const held = windowBudget.heldBytesOf(stranger);
    t.diagnostic(`${(held / mebibyte).toFixed(1)} of 16 MiB for the windows of one address`);
    assert.ok(held > 0 && held <= 8 * mebibyte, `${held} for one address`);
    const honest = await bench.peer();
    while (windowBudget.heldBytesOf('127.0.0.1') < mebibyte / 2) await upload(honest);
  },
);
