// Measures the multiplexer alone: two sessions over carriers that join the pieces of each send into
// one chunk, as a websocket message does, and deliver it in the next event loop turn.
// Run: node bench/micro/yamux.ts [seconds per line]
import process from 'node:process';
import type { Carrier, CarrierHandler } from '../../src/portal/websocket/carrier.ts';
import type { Pipe } from '../../src/portal/yamux/pipe.ts';
import { Mux } from '../../src/portal/yamux/mux.ts';

const seconds = Number(process.argv[2] ?? 2);
const runs = 3;

class BenchCarrier implements Carrier {
  readonly remote = 'bench:0';
  bufferedBytes = 0;
  sends = 0;
  peer: BenchCarrier | undefined;
  #handler: CarrierHandler | undefined;
  #messages: Buffer[] = [];

  setHandler(handler: CarrierHandler): void {
    this.#handler = handler;
  }

  send(pieces: readonly Uint8Array[], bytes: number): boolean {
    this.sends += 1;
    if (this.#messages.length === 0)
      setImmediate(() => {
        this.#deliver();
      });
    this.#messages.push(Buffer.concat(pieces, bytes));
    this.bufferedBytes += bytes;
    return this.bufferedBytes < 1_048_576;
  }

  close(): void {
    this.#messages = [];
  }

  #deliver(): void {
    const messages = this.#messages;
    const wasFull = this.bufferedBytes >= 1_048_576;
    this.#messages = [];
    this.bufferedBytes = 0;
    for (const message of messages) this.peer?.receive(message);
    if (wasFull) this.#handler?.drain();
  }

  receive(message: Buffer): void {
    this.#handler?.data(message);
  }
}

function pair(onStream: (pipe: Pipe) => void): { client: Mux; server: Mux; carrier: BenchCarrier } {
  const [left, right] = [new BenchCarrier(), new BenchCarrier()];
  left.peer = right;
  right.peer = left;
  const nothing = { stream: () => undefined, goAway: () => undefined, close: () => undefined };
  const client = new Mux(left, { role: 'client', tolerance: 'tolerant' }, nothing);
  const server = new Mux(right, { role: 'server', tolerance: 'strict' }, { ...nothing, stream: onStream });
  return { client, server, carrier: left };
}

const ignore = { data: () => undefined, end: () => undefined, drain: () => undefined, error: () => undefined };

/** One stream, one direction: MB/s received. */
async function bulk(pieceBytes: number): Promise<string> {
  let received = 0;
  const { client, server } = pair((pipe) => {
    pipe.setHandler({
      ...ignore,
      data: (chunk) => {
        received += chunk.length;
        pipe.consumed(chunk.length);
      },
    });
  });
  const pipe = await client.open();
  const piece = Buffer.alloc(pieceBytes, 1);
  const pump = (): void => {
    if (performance.now() < until) while (pipe.write([piece]));
  };
  const until = performance.now() + seconds * 1_000;
  const cpu = process.cpuUsage();
  const start = performance.now();
  await new Promise<void>((resolve) => {
    pipe.setHandler({ ...ignore, drain: pump });
    pump();
    setTimeout(resolve, seconds * 1_000);
  });
  const elapsed = (performance.now() - start) / 1_000;
  const used = process.cpuUsage(cpu);
  client.close();
  server.close();
  const cpuSeconds = (used.user + used.system) / 1e6;
  return `${(received / 1e6 / elapsed).toFixed(0)} MB/s, ${((cpuSeconds * 1e9) / received).toFixed(2)} CPU s per GB`;
}

/**
 * Streams that each send a message and wait for its echo: messages per second each way, and
 * messages per send.
 */
async function echo(streams: number, messageBytes: number): Promise<string> {
  const { client, server, carrier } = pair((pipe) => {
    pipe.setHandler({
      ...ignore,
      data: (chunk) => {
        pipe.consumed(chunk.length);
        pipe.write([chunk]);
      },
    });
  });
  const message = Buffer.alloc(messageBytes, 1);
  let echoes = 0;
  let running = true;
  const start = performance.now();
  for (let index = 0; index < streams; index += 1) {
    const pipe = await client.open();
    pipe.setHandler({
      ...ignore,
      data: (chunk) => {
        pipe.consumed(chunk.length);
        echoes += 1;
        if (running) pipe.write([message]);
      },
    });
    pipe.write([message]);
  }
  await new Promise<void>((resolve) => {
    setTimeout(resolve, seconds * 1_000);
  });
  running = false;
  const elapsed = (performance.now() - start) / 1_000;
  client.close();
  server.close();
  const perSecond = echoes / elapsed;
  return `${((2 * perSecond) / 1e3).toFixed(0)}k frames/s, ${(echoes / carrier.sends).toFixed(1)} frames a send, ${((1e3 / perSecond) * streams).toFixed(3)} ms an echo`;
}

/** Memory of an idle stream, both ends together. */
async function idle(streams: number): Promise<string> {
  const { client, server } = pair((pipe) => {
    pipe.setHandler(ignore);
  });
  globalThis.gc?.();
  const before = process.memoryUsage();
  for (let index = 0; index < streams; index += 1) (await client.open()).setHandler(ignore);
  while (server.streamCount < streams)
    await new Promise<void>((resolve) => {
      setImmediate(resolve);
    });
  globalThis.gc?.();
  const after = process.memoryUsage();
  const bytes = after.heapUsed + after.arrayBuffers - before.heapUsed - before.arrayBuffers;
  client.close();
  server.close();
  return `${(bytes / streams).toFixed(0)} bytes a stream, both ends${globalThis.gc === undefined ? ' (run with --expose-gc)' : ''}`;
}

// Runs first, while the heap is quiet.
console.log(`2000 idle streams        ${await idle(2_000)}`);
for (let run = 0; run < runs; run += 1) {
  console.log(`1 KiB writes             ${await bulk(1_024)}`);
  console.log(`16 KiB writes            ${await bulk(16_384)}`);
  console.log(`64 streams, 200 bytes    ${await echo(64, 200)}`);
  console.log(`1 stream, 200 bytes      ${await echo(1, 200)}`);
}
