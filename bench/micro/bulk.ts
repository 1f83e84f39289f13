// What a bulk transfer costs the side that dialled: websocket, yamux and secure channel between two processes, with and without
// the minor collections of kernel/buffer-garbage. Run: node bench/micro/bulk.ts [MiB per run]
import { type ChildProcess, fork } from 'node:child_process';
import { createSecretKey } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, connect, createServer as createTcpServer, Socket } from 'node:net';
import process from 'node:process';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';
import { processBufferGarbage } from '../../src/kernel/buffer-garbage.ts';
import { SecureChannel } from '../../src/portal/secure/channel.ts';
import type { HandshakeResult } from '../../src/portal/secure/handshake.ts';
import { connectCarrier } from '../../src/portal/websocket/connect.ts';
import { acceptCarrier, websocketOptions } from '../../src/portal/websocket/websocket-carrier.ts';
import { Mux } from '../../src/portal/yamux/session.ts';

type Direction = 'down' | 'up';
type Collections = 'with' | 'without';
interface Ports {
  readonly relay: number;
  readonly client: number;
}
interface Figures {
  readonly cpuSecondsPerGib: number;
  readonly rssMib: number;
}

const rounds = 5;
/** As large as what one read of a socket gives. */
const chunkBytes = 65_536;
/** Objects that live through the run, as a gateway at work has them. */
const residents = Array.from({ length: 200_000 }, (_, index) => ({ index, name: `resident ${index}` }));
const nothing = { goAway: () => undefined, close: () => undefined };

function handshakeResult(side: 'client' | 'server'): HandshakeResult {
  const keys = [1, 2].map((fill) => createSecretKey(Buffer.alloc(32, fill)));
  const [sendKey, receiveKey] = side === 'client' ? keys : keys.reverse();
  if (sendKey === undefined || receiveKey === undefined) throw new Error('two keys');
  return { peerId: 'bench', alpn: 'http/1.1', sendKey, receiveKey };
}

/** Fresh buffers, as a socket gives them. */
async function pump(to: Duplex, totalBytes: number): Promise<void> {
  for (let sent = 0; sent < totalBytes; sent += chunkBytes) {
    if (!to.write(Buffer.allocUnsafeSlow(chunkBytes))) await once(to, 'drain');
    else if ((sent / chunkBytes) % 4 === 3) await new Promise((resolve) => setImmediate(resolve));
  }
  to.end();
}

/** Relay and app in one, and the client that a download is passed on to. */
async function peer(direction: Direction, totalBytes: number): Promise<void> {
  const relay = createServer();
  const websockets = new WebSocketServer({ noServer: true, ...websocketOptions });
  relay.on('upgrade', (request, socket, head) => {
    if (!(socket instanceof Socket)) return;
    websockets.handleUpgrade(request, socket, head, (ws) => {
      const options = { role: 'server', tolerance: 'tolerant' } as const;
      new Mux(acceptCarrier(ws, socket), options, {
        ...nothing,
        stream: (pipe) => {
          const channel = new SecureChannel(pipe, { result: handshakeResult('server') });
          channel.on('error', nothing.close).resume();
          if (direction === 'down') void pump(channel, totalBytes);
          else channel.on('end', () => channel.end());
        },
      });
    });
  });
  const client = createTcpServer((socket) => socket.on('error', nothing.close).resume());
  relay.listen(0, '127.0.0.1');
  client.listen(0, '127.0.0.1');
  await Promise.all([once(relay, 'listening'), once(client, 'listening')]);
  const portOf = (server: { address(): unknown }): number => (server.address() as AddressInfo).port;
  process.send?.({ relay: portOf(relay), client: portOf(client) } satisfies Ports);
  process.on('disconnect', () => process.exit());
}

async function gateway(direction: Direction, totalBytes: number, ports: Ports): Promise<Figures> {
  const carrier = await connectCarrier(`ws://127.0.0.1:${ports.relay}/`, { signal: new AbortController().signal });
  const mux = new Mux(carrier, { role: 'client', tolerance: 'tolerant' }, { ...nothing, stream: nothing.close });
  const client = connect(ports.client, '127.0.0.1');
  await once(client, 'connect');
  const start = process.cpuUsage();
  const channel = new SecureChannel(await mux.open(), { result: handshakeResult('client') });
  if (direction === 'down') {
    channel.on('data', (chunk: Buffer) => {
      if (client.write(chunk)) return;
      channel.pause();
      client.once('drain', () => channel.resume());
    });
  } else {
    channel.resume();
    void pump(channel, totalBytes);
  }
  await once(channel, 'end');
  const { user, system } = process.cpuUsage(start);
  return {
    cpuSecondsPerGib: (user + system) / 1e6 / (totalBytes / 2 ** 30),
    rssMib: process.memoryUsage.rss() / 2 ** 20,
  };
}

/** One transfer in processes of its own. */
async function run(direction: Direction, totalBytes: number, collections: Collections): Promise<Figures> {
  const child = (role: string, ...rest: string[]): ChildProcess =>
    fork(new URL(import.meta.url), [role, direction, String(totalBytes), ...rest]);
  const peerProcess = child('peer');
  const [ports] = (await once(peerProcess, 'message')) as [Ports];
  const gatewayProcess = child('gateway', JSON.stringify(ports), collections);
  const [figures] = (await once(gatewayProcess, 'message')) as [Figures];
  for (const process of [gatewayProcess, peerProcess]) process.disconnect();
  return figures;
}

async function compare(totalBytes: number): Promise<void> {
  for (const direction of ['down', 'up'] as const) {
    const runs: Record<Collections, Figures[]> = { with: [], without: [] };
    // Interleaved: the machine changes its mind from minute to minute.
    for (let round = 0; round < rounds; round += 1) {
      for (const collections of ['without', 'with'] as const) {
        runs[collections].push(await run(direction, totalBytes, collections));
      }
    }
    for (const [collections, ofWay] of Object.entries(runs)) {
      const sorted = (field: keyof Figures): number[] => ofWay.map((figures) => figures[field]).sort((a, b) => a - b);
      const [least = NaN, , median = NaN] = sorted('cpuSecondsPerGib');
      const rss = sorted('rssMib').at(-1) ?? NaN;
      console.log(
        `${direction.padEnd(5)} ${collections.padEnd(8)} minor collections: least ${least.toFixed(2)}, median ${median.toFixed(2)} CPU s/GiB, ${rss.toFixed(0)} MiB`,
      );
    }
  }
}

const [, , role, direction, bytes, ports, collections] = process.argv;
const totalBytes = Number(bytes);
if (role === 'peer') await peer(direction as Direction, totalBytes);
else if (role === 'gateway') {
  if (collections === 'without') processBufferGarbage.made = nothing.close;
  const figures = await gateway(direction as Direction, totalBytes, JSON.parse(ports ?? '') as Ports);
  process.send?.(figures);
  process.once('disconnect', () => process.exit(residents.length > 0 ? 0 : 1));
} else await compare(Number(role ?? 384) * 2 ** 20);
