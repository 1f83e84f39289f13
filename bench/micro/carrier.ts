// Measures the websocket carrier with a sender and a receiver in two processes. Compares three ways
// to turn the pieces of one send() into messages: as the carrier does, all pieces copied into one
// message, and one message for each piece.
// Run: node bench/micro/carrier.ts [MiB per run]
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { Socket } from 'node:net';
import type { AddressInfo } from 'node:net';
import process from 'node:process';
import { WebSocketServer, type WebSocket } from 'ws';
import type { Carrier } from '../../src/portal/websocket/carrier.ts';
import { connectCarrier } from '../../src/portal/websocket/connect.ts';
import { acceptCarrier, websocketOptions } from '../../src/portal/websocket/websocket-carrier.ts';

type Way = 'carrier' | 'one copy' | 'each piece';
interface Load {
  readonly name: string;
  /** Body size of each data frame; a 12-byte header precedes it. */
  readonly bodyBytes: number;
  readonly framesPerSend: number;
}
interface Order {
  readonly load: Load;
  readonly way: Way;
  readonly totalBytes: number;
}
interface Sent {
  readonly cpuSeconds: number;
}
interface Run {
  readonly mbPerSecond: number;
  readonly sender: number;
  readonly receiver: number;
}

const totalBytes = Number(process.argv[2] ?? 256) * 1_048_576;
const rounds = 5;
const loads: readonly Load[] = [
  { name: '16 KiB frames, 4 per send', bodyBytes: 16_384, framesPerSend: 4 },
  { name: '8 KiB frames, 4 per send', bodyBytes: 8_192, framesPerSend: 4 },
  { name: '4 KiB frames, 4 per send', bodyBytes: 4_096, framesPerSend: 4 },
  { name: '1.3 KiB frames, 8 per send', bodyBytes: 1_300, framesPerSend: 8 },
  { name: '300 B frames, 1 per send', bodyBytes: 300, framesPerSend: 1 },
];
const ways: readonly Way[] = ['carrier', 'one copy', 'each piece'];

/** The server side sends without masking, as a relay does; the client side masks. */
async function send(carrier: Carrier, ws: WebSocket | undefined, order: Order): Promise<Sent> {
  const { load, way, totalBytes: total } = order;
  const pieces = Array.from({ length: load.framesPerSend }, () => [
    Buffer.alloc(12),
    Buffer.alloc(load.bodyBytes, 7),
  ]).flat();
  const bytes = pieces.reduce((sum, piece) => sum + piece.length, 0);
  const ready = Promise.withResolvers<undefined>();
  let drained = ready;
  carrier.setHandler({
    data: () => undefined,
    drain: () => {
      drained.resolve(undefined);
    },
    close: () => undefined,
  });
  const cpu = process.cpuUsage();
  for (let sent = 0; sent < total; sent += bytes) {
    let hasRoom: boolean;
    if (way === 'carrier' || ws === undefined) hasRoom = carrier.send(pieces, bytes);
    else if (way === 'one copy') hasRoom = carrier.send([Buffer.concat(pieces, bytes)], bytes);
    else {
      for (const piece of pieces.slice(1)) ws.send(piece);
      hasRoom = carrier.send([pieces[0] ?? Buffer.alloc(12)], 12);
    }
    if (hasRoom) {
      // A few sends per event loop turn, as a busy multiplexer does.
      if ((sent / bytes) % 4 === 3) await new Promise((resolve) => setImmediate(resolve));
    } else {
      drained = Promise.withResolvers();
      await drained.promise;
    }
  }
  const { user, system } = process.cpuUsage(cpu);
  return { cpuSeconds: (user + system) / 1e6 };
}

async function child(): Promise<void> {
  const server = createServer();
  const websockets = new WebSocketServer({ noServer: true, ...websocketOptions });
  server.on('upgrade', (request, socket, head) => {
    if (!(socket instanceof Socket)) return;
    websockets.handleUpgrade(request, socket, head, (ws) => {
      const order = JSON.parse(decodeURIComponent(request.url?.split('?')[1] ?? 'null')) as Order;
      void send(acceptCarrier(ws, socket), ws, order).then((sent) => process.send?.(sent));
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  process.send?.((server.address() as AddressInfo).port);
}

async function receive(port: number, sender: ChildProcess, load: Load, way: Way): Promise<Run> {
  const order: Order = { load, way, totalBytes: Math.min(totalBytes, load.bodyBytes * 200_000) };
  const url = `ws://127.0.0.1:${port}/?${encodeURIComponent(JSON.stringify(order))}`;
  const cpu = process.cpuUsage();
  const startedAt = performance.now();
  const sent = once(sender, 'message') as Promise<[Sent]>;
  const carrier = await connectCarrier(url, { signal: new AbortController().signal });
  await new Promise<void>((resolve) => {
    let received = 0;
    carrier.setHandler({
      data: (chunk) => {
        received += chunk.length;
        if (received >= order.totalBytes) resolve();
      },
      drain: () => undefined,
      close: () => undefined,
    });
  });
  const seconds = (performance.now() - startedAt) / 1_000;
  const { user, system } = process.cpuUsage(cpu);
  const gib = order.totalBytes / 2 ** 30;
  const [{ cpuSeconds }] = await sent;
  carrier.close();
  return {
    mbPerSecond: order.totalBytes / seconds / 1e6,
    sender: cpuSeconds / gib,
    receiver: (user + system) / 1e6 / gib,
  };
}

async function main(): Promise<void> {
  const sender = fork(new URL(import.meta.url), ['child']);
  const [port] = (await once(sender, 'message')) as [number];
  for (const load of loads) {
    const runs = new Map<Way, Run[]>(ways.map((way) => [way, []]));
    // Interleaved, because the load on the machine changes from minute to minute.
    for (let round = 0; round < rounds; round += 1)
      for (const way of ways) runs.get(way)?.push(await receive(port, sender, load, way));
    for (const [way, ofWay] of runs) {
      const median = (field: keyof Run): number =>
        ofWay.map((run) => run[field]).sort((a, b) => a - b)[Math.floor(rounds / 2)] ?? 0;
      console.log(
        `${load.name.padEnd(26)}${way.padEnd(12)}${median('mbPerSecond').toFixed(0).padStart(6)} MB/s   CPU s/GiB: sender ${median('sender').toFixed(2)}, receiver ${median('receiver').toFixed(2)}`,
      );
    }
  }
  sender.kill();
}

await (process.argv[2] === 'child' ? child() : main());
