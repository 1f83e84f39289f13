import assert from 'node:assert/strict';
import { once } from 'node:events';
import { finished, pipeline } from 'node:stream/promises';
import { Readable, Writable } from 'node:stream';
import { test } from 'node:test';
import { memoryCarrierPair, type MemoryCarrier } from '../../../test/helpers/memory-carrier.ts';
import { flags, rawFrame, types } from '../../../test/helpers/mux-frames.ts';
import { MuxPeer } from '../../../test/helpers/mux-peer.ts';
import { settle } from '../../../test/helpers/mux-scripted-carrier.ts';
import { PortalError } from '../errors.ts';
import { MuxDuplex, type MuxDuplexOptions } from './duplex.ts';
import { Mux } from './mux.ts';

interface Pair {
  readonly near: MuxDuplex;
  readonly far: MuxDuplex;
  readonly client: Mux;
  readonly server: Mux;
  readonly carriers: [MemoryCarrier, MemoryCarrier];
}

/** The two ends of one stream. */
async function pair(options: MuxDuplexOptions = {}): Promise<Pair> {
  const carriers = memoryCarrierPair();
  const offered = Promise.withResolvers<MuxDuplex>();
  const quiet = { goAway: () => undefined, close: () => undefined };
  const client = new Mux(
    carriers[0],
    { role: 'client', tolerance: 'tolerant', keepalive: false },
    { ...quiet, stream: () => assert.fail() },
  );
  const server = new Mux(
    carriers[1],
    { role: 'server', tolerance: 'strict', keepalive: false },
    {
      ...quiet,
      stream: (pipe) => {
        offered.resolve(new MuxDuplex(pipe, options));
      },
    },
  );
  const near = new MuxDuplex(await client.open(), options);
  return { near, far: await offered.promise, client, server, carriers };
}

/** Not `for await`, which destroys a Duplex at the end of its readable side. */
async function collect(stream: Readable): Promise<Buffer> {
  const chunks: Buffer[] = [];
  stream.on('data', (chunk: Buffer) => chunks.push(chunk));
  await finished(stream, { writable: false });
  return Buffer.concat(chunks);
}

function codeOf(error: unknown): string | undefined {
  return error instanceof PortalError ? error.code : undefined;
}

test('a body of 5 MiB arrives complete, and both sides are closed and removed', async () => {
  const { near, far, client, server } = await pair({ allowHalfOpen: true });
  const body = Buffer.alloc(5 * 1_048_576, 'portal');
  near.end(body);
  assert.ok((await collect(far)).equals(body));
  far.end('thanks');
  assert.equal((await collect(near)).toString(), 'thanks');
  await Promise.all([finished(near), finished(far)]);
  await settle(4);
  assert.deepEqual([client.streamCount, server.streamCount], [0, 0]);
  assert.ok(near.destroyed && far.destroyed);
});

test('with allowHalfOpen a response may follow the end of the request; without it the end is returned at once', async () => {
  const open = await pair({ allowHalfOpen: true });
  open.near.end('question');
  assert.equal((await collect(open.far)).toString(), 'question');
  await settle(4);
  assert.ok(open.far.writable);
  open.far.end('answer');
  assert.equal((await collect(open.near)).toString(), 'answer');

  const shut = await pair();
  shut.near.end('question');
  assert.equal((await collect(shut.far)).toString(), 'question');
  assert.equal((await collect(shut.near)).toString(), '');
  assert.ok(shut.far.writableEnded);
});

test('data written before end() is sent even after Node has destroyed the stream', async () => {
  const { near, far, client } = await pair({ allowHalfOpen: true });
  far.end();
  near.resume();
  // More than a window; the excess is less than a window and the low-water mark, and leaves only
  // after the other side has read.
  const body = Buffer.alloc(380_000, 'x');
  near.end(body);
  await finished(near);
  assert.ok(near.destroyed);
  assert.equal((await collect(far)).length, 380_000);
  await settle(4);
  assert.equal(client.streamCount, 0);
});

test('destroy() sends RST: the other side fails with a code, and unread data and pending writes are dropped', async () => {
  const { near, far, client, server } = await pair();
  near.write('data');
  let written: Error | null | undefined;
  for (let count = 0; count < 10; count += 1) near.write(Buffer.alloc(100_000), (error) => (written = error));
  near.destroy();
  const [error] = (await once(far, 'error')) as [unknown];
  assert.equal(codeOf(error), 'stream_reset');
  assert.notEqual(written, undefined);
  await settle(4);
  assert.deepEqual([client.streamCount, server.streamCount], [0, 0]);
  assert.equal(client.bufferedBytes, 0);
});

test('destroy(error) after the end of both directions sends nothing', async () => {
  const { near, far, server, carriers } = await pair();
  near.end('bye');
  far.resume();
  near.resume();
  await Promise.all([finished(near), finished(far)]);
  await settle(4);
  const before = carriers[0].sentBytes;
  near.destroy(new Error('too late'));
  await settle(4);
  assert.equal(carriers[0].sentBytes, before);
  assert.equal(server.state, 'open');
});

test('the end of the session destroys its streams with the session’s error', async () => {
  const { near, far, client } = await pair();
  const errors = Promise.all([once(near, 'error'), once(far, 'error')]) as Promise<[unknown][]>;
  client.close(new PortalError('session_closed', 'enough'));
  assert.deepEqual(
    (await errors).map(([error]) => codeOf(error)),
    ['session_closed', 'carrier_closed'],
  );
});

test('a reader that stops blocks the writer: at most the window and the buffers are filled', async () => {
  const { near, far, client } = await pair();
  let produced = 0;
  const source = new Readable({
    read() {
      produced += 65_536;
      this.push(Buffer.alloc(65_536));
    },
  });
  source.pipe(near);
  await settle(200);
  const stoppedAt = produced;
  assert.ok(stoppedAt < 1_048_576, `${stoppedAt} bytes`);
  assert.ok(client.bufferedBytes <= 262_144 + 65_536);
  await settle(50);
  assert.equal(produced, stoppedAt);
  // Reading resumes it.
  let taken = 0;
  far.on('data', (chunk: Buffer) => (taken += chunk.length));
  await settle(50);
  assert.ok(taken > stoppedAt && produced > stoppedAt);
  source.unpipe(near);
  near.destroy();
  await once(far, 'error');
});

test('a slow reader gets everything in order, byte by byte or in bulk', async () => {
  const { near, far } = await pair();
  const body = Buffer.from(Array.from({ length: 300_000 }, (_, index) => (index * 7 + (index >>> 8)) & 255));
  const taken: Buffer[] = [];
  const slow = new Writable({
    highWaterMark: 1_000,
    write(chunk: Buffer, _encoding, callback) {
      taken.push(chunk);
      setImmediate(callback);
    },
  });
  const done = pipeline(far, slow);
  for (let at = 0; at < body.length; at += 997) near.write(body.subarray(at, at + 997));
  near.end();
  await done;
  assert.ok(Buffer.concat(taken).equals(body));
});

test('many small writes of one turn become one frame', async () => {
  const peer = new MuxPeer({ role: 'client' });
  const duplex = new MuxDuplex(await peer.mux.open());
  for (const word of ['all ', 'in ', 'one ', 'frame']) duplex.write(word);
  assert.deepEqual(await peer.sent(), ['WindowUpdate SYN 1 0', 'Data - 1 16']);
  duplex.cork();
  duplex.write('and ');
  duplex.write('again');
  duplex.uncork();
  assert.deepEqual(await peer.sent(), ['Data - 1 9']);
  assert.equal(duplex.id, 1);
});

test('the peer’s window opens for bytes read, not for bytes received', async () => {
  const peer = new MuxPeer();
  peer.carrier.feed(rawFrame(types.windowUpdate, flags.syn, 1, 0));
  const [pipe] = peer.offered;
  assert.ok(pipe !== undefined);
  const duplex = new MuxDuplex(pipe);
  peer.feed(types.data, 0, 1, 262_144, Buffer.alloc(262_144));
  assert.deepEqual(await peer.sent(), ['WindowUpdate ACK 1 0']);
  duplex.resume();
  const [update] = await peer.sent();
  assert.match(update ?? '', /^WindowUpdate - 1 \d+$/);
  duplex.destroy();
  assert.deepEqual(await peer.sent(), ['WindowUpdate RST 1 0']);
});

test('works as a socket under node:http', async () => {
  const { createServer, request } = await import('node:http');
  const { near, far } = await pair({ allowHalfOpen: true });
  const server = createServer((incoming, response) => {
    incoming.pipe(response);
  });
  server.emit('connection', far);
  const body = Buffer.alloc(1_000_000, 'http');
  const response = await new Promise<Readable>((resolve, reject) => {
    const question = request({ method: 'POST', createConnection: () => near }, resolve);
    question.on('error', reject);
    question.end(body);
  });
  assert.ok((await collect(response)).equals(body));
  near.destroy();
  server.close();
});
