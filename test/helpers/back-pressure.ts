// Checks that a slow reader at one end of the path holds back an endless sender at the other, in
// either direction, and measures the memory cost in each process between them.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { ClientRequest, IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { Readable } from 'node:stream';
import type { PeerProcess } from './peer-process.ts';
import type { Flowed } from './peers/app.ts';
import type { ProcessPath } from './process-path.ts';

/** An endless sender, and a reader that reads on request. */
export interface Flow {
  sent(): Promise<Flowed>;
  read(bytes: number): Promise<void>;
  close(): void;
}

/** RSS must grow by less than 64 MiB. */
const maxGrowthBytes = 64 * 1024 * 1024;
/**
 * The maximum in flight: windows of 256 KiB and 1 MiB of carrier buffer at each of the two hops,
 * pieces in Node's streams, and the kernel's buffers of four TCP connections, which grow to about 6
 * MiB each.
 */
const maxUnderWayBytes = 32 * 1024 * 1024;
/**
 * Successive reports of all processes without a new byte sent, after which the path counts as
 * blocked.
 */
const stillRounds = 10;

const block = Buffer.alloc(65_536, 'x');

/** Starts the flows: one, or one for each direction. */
export type Start = (path: ProcessPath) => Promise<readonly Flow[]>;

/** The app sends, the test's client reads. */
export async function download(path: ProcessPath): Promise<readonly Flow[]> {
  const { response: response, outgoing } = path.call('/endless');
  return [fromApp(path, await response, outgoing)];
}

/** The test's client sends, the app reads. */
export async function upload(path: ProcessPath): Promise<readonly Flow[]> {
  const arrived = path.app.event('unread');
  const { outgoing } = path.call('/unread', 'POST');
  const flow = toApp(path, outgoing);
  await arrived;
  return [flow];
}

/** A request whose response starts before the request ends. */
export async function exchange(path: ProcessPath): Promise<readonly Flow[]> {
  const { response: response, outgoing } = path.call('/both', 'POST');
  const up = toApp(path, outgoing);
  return [fromApp(path, await response, outgoing), up];
}

/** An upgraded connection. */
export async function upgraded(path: ProcessPath): Promise<readonly Flow[]> {
  const { outgoing } = path.call('/', 'GET', { connection: 'Upgrade', upgrade: 'both' });
  const [, socket, early] = (await once(outgoing, 'upgrade')) as [IncomingMessage, Socket, Buffer];
  socket.unshift(early);
  return [fromApp(path, socket, socket), toApp(path, socket)];
}

function fromApp(path: ProcessPath, source: Readable, connection: { destroy(): unknown }): Flow {
  source.on('error', () => undefined);
  return {
    sent: () => path.app.ask<Flowed>('sent'),
    read: (bytes) => readBytes(source, bytes),
    close: () => connection.destroy(),
  };
}

function toApp(path: ProcessPath, sink: ClientRequest | Socket): Flow {
  let bytesSent = 0;
  const more = (): void => {
    while (!sink.destroyed) {
      bytesSent += block.length;
      if (!sink.write(block)) return;
    }
  };
  sink.on('drain', more);
  more();
  return {
    sent: () => Promise.resolve({ bytes: bytesSent, blocked: sink.writableNeedDrain }),
    read: (bytes) => path.app.ask('read', bytes),
    close: () => sink.destroy(),
  };
}

async function readBytes(source: Readable, bytes: number): Promise<void> {
  for (let left = bytes; left > 0;) {
    const chunk = source.read(Math.min(left, source.readableLength)) as Buffer | null;
    if (chunk === null) await once(source, 'readable');
    else left -= chunk.length;
  }
}

/** Resolves once the sender is blocked and nothing moves anywhere on the path. */
export async function blockedSender(path: ProcessPath, flow: Flow): Promise<Flowed> {
  let before = await flow.sent();
  for (let still = 0; still < stillRounds;) {
    // Each report takes a turn of that process's event loop, in which it also does its pending
    // work.
    for (const peer of path.all) await peer.report();
    const now = await flow.sent();
    still = now.blocked && now.bytes === before.bytes ? still + 1 : 0;
    before = now;
  }
  return before;
}

/** Checks that the sender is ahead of the reader by no more than the buffers in between. */
export function checkHeld(sent: Flowed, readBytesSoFar: number): void {
  const underWay = sent.bytes - readBytesSoFar;
  assert.ok(underWay <= maxUnderWayBytes, `${mib(underWay)} are in flight`);
}

/** Causes one-time costs before measuring: compiled code, a heap that has been used. */
export async function warmUp(path: ProcessPath, start: Start): Promise<void> {
  const flows = await start(path);
  for (const flow of flows) await flow.read(8 * 1024 * 1024);
  for (const flow of flows) flow.close();
}

/** Checks by how much the work raises the peak memory of any process of the path. */
export async function checkGrowth(path: ProcessPath, work: () => Promise<void>): Promise<string> {
  const before = await Promise.all(path.all.map((peer) => collected(peer)));
  await work();
  const after = await Promise.all(path.all.map((peer) => peer.report()));
  const growths = after.map(({ peakRssBytes }, index) => peakRssBytes - (before[index] ?? 0));
  for (const [index, growth] of growths.entries()) {
    assert.ok(growth < maxGrowthBytes, `${['relay', 'app', 'gateway'][index] ?? ''} grew by ${mib(growth)}`);
  }
  return growths.map(mib).join(', ');
}

/** RSS after a garbage collection. */
async function collected(peer: PeerProcess<unknown>): Promise<number> {
  await peer.ask('collect');
  return (await peer.report()).rssBytes;
}

export function mib(bytes: number): string {
  return `${(bytes / 1024 / 1024).toFixed(1)} MiB`;
}
