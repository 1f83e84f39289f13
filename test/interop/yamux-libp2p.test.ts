// Tests our multiplexer against an independent implementation, in both roles.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { describe, test, type TestContext } from 'node:test';
import type { PortalError } from '../../src/portal/errors.ts';
import { MuxDuplex } from '../../src/portal/yamux/duplex.ts';
import type { Pipe } from '../../src/portal/yamux/pipe.ts';
import { Mux } from '../../src/portal/yamux/mux.ts';
import { memoryCarrierPair } from '../helpers/memory-carrier.ts';
import { libp2pMuxer, readAll, type Libp2pMuxer, type Libp2pStream } from '../helpers/mux-libp2p.ts';
import { PipeRecorder } from '../helpers/mux-recorder.ts';
import { settle } from '../helpers/mux-scripted-carrier.ts';

const mebibyte = 1_048_576;

interface Joined {
  readonly ours: Mux;
  readonly theirs: Libp2pMuxer;
  /** Streams that the other side opened, in order of arrival. */
  readonly pipes: Pipe[];
  readonly streams: Libp2pStream[];
  readonly closings: (PortalError | undefined)[];
}

function join(context: TestContext, role: 'client' | 'server', receiveWindowBytes: number): Joined {
  // Chunk sizes that cut headers and bodies anywhere.
  const sizes = [1, 11, 12, 13, 4_096, 65_536, 7];
  let turn = 0;
  const splitter = (message: Buffer): Buffer[] => {
    const chunks: Buffer[] = [];
    for (let at = 0; at < message.length;) {
      const end = at + (sizes[turn % sizes.length] ?? 1);
      turn += 1;
      chunks.push(message.subarray(at, end));
      at = end;
    }
    return chunks;
  };
  const [left, right] = memoryCarrierPair({ splitter });
  const pipes: Pipe[] = [];
  const streams: Libp2pStream[] = [];
  const closings: (PortalError | undefined)[] = [];
  const ours = new Mux(
    left,
    { role, tolerance: 'strict', receiveWindowBytes, keepalive: false },
    {
      stream: (pipe) => pipes.push(pipe),
      goAway: () => undefined,
      close: (error) => closings.push(error),
    },
  );
  const theirs = libp2pMuxer(right, role === 'client' ? 'server' : 'client');
  theirs.addEventListener('stream', (event) => streams.push(event.detail));
  context.after(() => {
    ours.close();
  });
  return { ours, theirs, pipes, streams, closings };
}

function body(seed: number, bytes = mebibyte): Buffer {
  const content = Buffer.alloc(bytes);
  for (let index = 0; index < bytes; index += 1) content[index] = (index * 31 + seed * 7 + (index >>> 8)) & 255;
  return content;
}

function digest(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

async function collect(duplex: MuxDuplex): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of duplex) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

async function until(condition: () => boolean): Promise<void> {
  for (let turns = 0; !condition(); turns += 1) {
    assert.ok(turns < 10_000, 'it never happened');
    await settle(1);
  }
}

for (const role of ['client', 'server'] as const)
  for (const receiveWindowBytes of [262_144, 16 * mebibyte])
    describe(`we are the ${role}, with a window of ${receiveWindowBytes} bytes`, () => {
      test('20 streams opened by us carry 1 MiB each way at once, with half-close', async (context) => {
        const { ours, streams } = join(context, role, receiveWindowBytes);
        const work = Array.from({ length: 20 }, async (_, seed) => {
          const duplex = new MuxDuplex(await ours.open(), { allowHalfOpen: true });
          const received = collect(duplex);
          duplex.end(body(seed));
          assert.equal(digest(await received), digest(body(seed)));
        });
        await until(() => streams.length === 20);
        // The reply starts after the end of the request: the streams are half-closed in between.
        for (const stream of streams)
          void readAll(stream).then(async (question) => {
            stream.send(question);
            await stream.close();
          });
        await Promise.all(work);
        await until(() => ours.streamCount === 0);
      });

      test('20 streams opened by the peer carry 1 MiB each way at once, echoed on arrival', async (context) => {
        const { ours, theirs, pipes } = join(context, role, receiveWindowBytes);
        const work = Array.from({ length: 20 }, async (_, seed) => {
          const stream = await theirs.createStream();
          const received = readAll(stream);
          stream.send(body(seed));
          void stream.close();
          assert.equal(digest(await received), digest(body(seed)));
        });
        await until(() => pipes.length === 20);
        for (const pipe of pipes) {
          const duplex = new MuxDuplex(pipe, { allowHalfOpen: true });
          duplex.pipe(duplex);
        }
        await Promise.all(work);
        await until(() => ours.streamCount === 0);
      });

      test('a reset passes in both directions, and the session continues', async (context) => {
        const { ours, theirs, pipes, streams, closings } = join(context, role, receiveWindowBytes);
        const [kept, dropped] = [await ours.open(), await ours.open()];
        kept.write([Buffer.from('kept')]);
        dropped.write([Buffer.from('dropped')]);
        await until(() => streams.length === 2);
        const [theirKept, theirDropped] = streams;
        assert.ok(theirKept !== undefined && theirDropped !== undefined);
        const recorder = new PipeRecorder(kept, 'greedy');
        dropped.reset();
        await once(theirDropped, 'close');
        assert.equal(theirDropped.status, 'reset');
        theirKept.abort(new Error('enough'));
        await until(() => recorder.failure !== undefined);
        assert.equal(recorder.failure?.code, 'stream_reset');
        const after = await theirs.createStream();
        after.send(Buffer.from('after'));
        await until(() => pipes.length === 1);
        const [pipe] = pipes;
        assert.ok(pipe !== undefined);
        const last = new PipeRecorder(pipe, 'greedy');
        await until(() => last.unreadBytes === 5);
        assert.deepEqual(closings, []);
      });

      test('pings are answered both ways, and their GoAway stops our opens', async (context) => {
        const { ours, theirs } = join(context, role, receiveWindowBytes);
        assert.ok((await ours.ping()) >= 0);
        assert.ok((await theirs.ping()) >= 0);
        await theirs.close();
        await until(() => ours.state === 'draining');
        await assert.rejects(ours.open(), { code: 'session_goaway' });
      });
    });

test('200 streams one after the other and 100 at once leave nothing behind', async (context) => {
  const { ours, theirs, streams } = join(context, 'client', 262_144);
  theirs.addEventListener('stream', (event) => {
    const stream = event.detail;
    void readAll(stream).then(async (question) => {
      stream.send(question);
      await stream.close();
    });
  });
  const exchange = async (seed: number): Promise<void> => {
    const duplex = new MuxDuplex(await ours.open(), { allowHalfOpen: true });
    duplex.end(body(seed, 1_000));
    assert.deepEqual(await collect(duplex), body(seed, 1_000));
  };
  for (let seed = 0; seed < 200; seed += 1) await exchange(seed);
  await Promise.all(Array.from({ length: 100 }, (_, seed) => exchange(seed)));
  await until(() => ours.streamCount === 0 && theirs.streams.length === 0);
  assert.equal(streams.length, 300);
});
