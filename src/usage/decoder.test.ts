import assert from 'node:assert/strict';
import { pbkdf2 } from 'node:crypto';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import process from 'node:process';
import { describe, test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { promisify } from 'node:util';
import { runInNewContext } from 'node:vm';
import { brotliCompressSync, constants, createGzip, gzipSync, zstdCompressSync } from 'node:zlib';
import { buffer } from 'node:stream/consumers';
import { systemClock } from '../kernel/clock.ts';
import { DecodePool, defaultDecodeLimits, type DecodeLimits, type DecodeWork } from './decode-pool.ts';
import { UsageDecoder, type Unread } from './decoder.ts';

interface Outcome {
  readonly decoder: UsageDecoder;
  decoded: number;
  left: number;
  why: Unread | undefined;
}

function poolOf(limits: Partial<DecodeLimits> = {}): DecodePool {
  const fast = { bytesPerSecond: 1e12, burstBytes: 1e12 };
  return new DecodePool(systemClock, { ...defaultDecodeLimits, ...fast, ...limits });
}

function decoderOf(pool: DecodePool, coding: string, owner = 'app'): Outcome {
  const outcome: Outcome = {
    decoder: new UsageDecoder({
      ...{ coding, owner, pool },
      decoded: (piece) => (outcome.decoded += piece.length),
      left: (bytes, why) => {
        outcome.left += bytes;
        outcome.why ??= why;
      },
    }),
    ...{ decoded: 0, left: 0, why: undefined },
  };
  return outcome;
}

function ended({ decoder }: Outcome): Promise<void> {
  return new Promise((resolve) => {
    decoder.end(resolve);
  });
}

/** 255 MiB of JSON in a few hundred bytes of brotli. */
const quick = { [constants.BROTLI_PARAM_QUALITY]: 5 };
const bomb = brotliCompressSync(Buffer.alloc(255 << 20, 0x61), { params: quick });

describe('a single response', () => {
  test('is not read further after expanding more than fifty times', async () => {
    for (const [coding, body] of [
      ['br', bomb],
      ['gzip', gzipSync(Buffer.alloc(64 << 20))],
      ['zstd', zstdCompressSync(Buffer.alloc(64 << 20))],
    ] as const) {
      const pool = poolOf();
      const outcome = decoderOf(pool, coding);
      outcome.decoder.push(body);
      await ended(outcome);
      assert.deepEqual([outcome.why, pool.decoders, pool.heldBytes], ['ratio', 0, 0], coding);
      assert.ok(outcome.decoded <= Math.max(16_384, body.length * 50), `${outcome.decoded} of ${body.length}`);
    }
  });

  test('is not read beyond 32 MiB', async () => {
    const pool = poolOf();
    const outcome = decoderOf(pool, 'gzip');
    const gzip = createGzip({ level: 1 });
    const packed = buffer(gzip);
    let seed = 1;
    for (let i = 0; i < (36 << 20) / 4_096; i += 1) {
      const line = Buffer.alloc(4_096);
      for (let at = 0; at < 80; at += 1) line[at] = (seed = (seed * 48_271) % 2_147_483_647) % 256;
      gzip.write(line);
    }
    gzip.end();
    const body = await packed;
    assert.ok(body.length * 50 > 33 << 20 && body.length < 1 << 20, `${body.length} bytes`);
    outcome.decoder.push(body);
    // Waits without a limit, since the machine may be busy; the one-second timer after the end is
    // not running.
    while (outcome.why === undefined) await new Promise((resolve) => setTimeout(resolve, 10));
    assert.equal(outcome.why, 'size');
    assert.ok(outcome.decoded <= 32 << 20);
    assert.deepEqual([pool.decoders, pool.heldBytes], [0, 0]);
  });

  test('buffers at most 1 MiB', async () => {
    const pool = poolOf();
    const outcome = decoderOf(pool, 'gzip');
    for (let i = 0; i < 100; i += 1) outcome.decoder.push(Buffer.alloc(65_536, 0x1f));
    assert.equal(outcome.left, 100 * 65_536);
    assert.ok(pool.heldBytes < 128 * 1024);
    await ended(outcome);
    assert.equal(outcome.why, 'busy');
  });

  test('ends at once when stopped, whatever is buffered', async () => {
    const pool = poolOf();
    for (let i = 0; i < 200; i += 1) {
      const outcome = decoderOf(pool, 'gzip');
      outcome.decoder.push(gzipSync(Buffer.alloc(100_000, i)));
      if (i % 2 === 1) await new Promise(setImmediate);
      outcome.decoder.stop();
      const { decoded } = outcome;
      await new Promise(setImmediate);
      assert.equal(outcome.decoded, decoded);
    }
    while (pool.decoders > 0) await new Promise(setImmediate);
    assert.equal(pool.heldBytes, 0);
    // The pool still works.
    const last = decoderOf(pool, 'gzip');
    last.decoder.push(gzipSync('a text'));
    await ended(last);
    assert.equal(last.decoded, 6);
  });

  test('that is damaged or in an unknown coding delays no other', async () => {
    const pool = poolOf();
    const damaged = gzipSync(Buffer.from('x'.repeat(5_000)));
    damaged.fill(0xff, 12, 20);
    const all = ['gzip', 'deflate', 'br', 'zstd'].flatMap((coding) =>
      [damaged, Buffer.from('nothing'), Buffer.from([0x78])].map((body) => {
        const outcome = decoderOf(pool, coding);
        outcome.decoder.push(body);
        return outcome;
      }),
    );
    const good = decoderOf(pool, 'gzip');
    good.decoder.push(gzipSync('a text'));
    await Promise.all([...all, good].map(ended));
    assert.deepEqual([good.decoded, pool.decoders, pool.heldBytes], [6, 0, 0]);
  });
});

describe('all responses together', () => {
  test('share a limited number of decoders, of which one owner gets a quarter when most are in use', () => {
    const pool = poolOf({ maxDecoders: 8 });
    const entered = (owner: string): boolean => pool.enter(owner);
    for (let i = 0; i < 6; i += 1) assert.equal(entered('greedy'), true);
    assert.equal(entered('greedy'), false);
    assert.deepEqual([entered('other'), entered('third'), entered('third')], [true, true, false]);
    for (let i = 0; i < 6; i += 1) pool.leave('greedy');
    assert.deepEqual([pool.decoders, entered('greedy')], [2, true]);
  });

  test('share a limited number of bytes', () => {
    const pool = poolOf({ maxHeldBytes: 1_000 });
    assert.equal(pool.hold('greedy', 750), true);
    assert.equal(pool.hold('greedy', 1), false);
    assert.deepEqual([pool.hold('other', 250), pool.hold('other', 1), pool.heldBytes], [true, false, 1_000]);
  });

  test('are decoded one piece at a time, alternating between owners', async () => {
    const pool = poolOf();
    const order: string[] = [];
    let atOnce = 0;
    const work = (owner: string): Promise<void> =>
      new Promise((resolve) => {
        const item: DecodeWork = {
          owner,
          decodeNext: (done) => {
            atOnce += 1;
            assert.equal(atOnce, 1);
            setImmediate(() => {
              order.push(owner);
              atOnce -= 1;
              done();
              done();
              resolve();
            });
          },
        };
        pool.schedule(item);
      });
    await Promise.all([...Array.from({ length: 6 }, () => work('greedy')), work('a'), work('b')]);
    assert.deepEqual(order.slice(0, 4).toSorted(), ['a', 'b', 'greedy', 'greedy']);
  });

  test('are decoded at a limited rate, and the excess waits', async () => {
    let nowMs = 0;
    const clock = { ...systemClock, monotonicMs: () => nowMs };
    const pool = new DecodePool(clock, { ...defaultDecodeLimits, bytesPerSecond: 1_000_000, burstBytes: 10_000 });
    const first = decoderOf(pool, 'gzip');
    first.decoder.push(gzipSync(Buffer.from(Array.from({ length: 12_000 }, (_, i) => (i * i) % 251))));
    await ended(first);
    assert.equal(first.decoded, 12_000);
    const second = decoderOf(pool, 'gzip');
    second.decoder.push(gzipSync('a text'));
    await new Promise(setImmediate);
    assert.equal(second.decoded, 0);
    nowMs = 1_000;
    await ended(second);
    assert.equal(second.decoded, 6);
  });
});

test('400 decompression bombs cost a few ms of CPU each, block the loop no longer, and leave no memory behind', async () => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const run = async (): Promise<void> => {
    const pool = new DecodePool(systemClock);
    const all = Array.from({ length: 400 }, () => decoderOf(pool, 'br'));
    for (const { decoder } of all) decoder.push(bomb);
    await Promise.all(all.map(ended));
    assert.ok(all.every(({ decoded, left }) => decoded <= 24_576 && left === bomb.length));
    while (pool.decoders > 0) await new Promise(setImmediate);
    assert.equal(pool.heldBytes, 0);
  };
  await run();
  collect();
  const rss = process.memoryUsage.rss();
  const cpu = process.cpuUsage();
  const lag = monitorEventLoopDelay({ resolution: 1 });
  lag.enable();
  for (let i = 0; i < 3; i += 1) await run();
  lag.disable();
  const { user, system } = process.cpuUsage(cpu);
  collect();
  const grown = (process.memoryUsage.rss() - rss) / 2 ** 20;
  assert.ok((user + system) / 1_200 < 5_000, `${(user + system) / 1_200} us of CPU for each`);
  assert.ok(grown < 24, `RSS grew by ${grown} MiB`);
  // The median; a busy machine makes single turns longer.
  assert.ok(lag.percentile(50) < 30e6, `${lag.percentile(50) / 1e6} ms`);
});

test('decoding never blocks other work on libuv threads, however much there is and however it ends', async () => {
  const derive = (): Promise<Buffer> => promisify(pbkdf2)('a key', 'salt', 50_000, 32, 'sha256');
  const alone: number[] = [];
  for (let i = 0; i < 10; i += 1) alone.push(await timed(derive));
  const pool = poolOf();
  const busy = Array.from({ length: 400 }, () => decoderOf(pool, 'br'));
  for (const { decoder } of busy) decoder.push(bomb);
  const beside: number[] = [];
  for (let i = 0; i < 10; i += 1) {
    // Also stops decoders during their jobs: 400 jobs at once would occupy four threads for a
    // second.
    for (const { decoder } of busy.splice(0, 40)) decoder.stop();
    beside.push(await timed(derive));
  }
  const typical = (times: readonly number[]): number => times.toSorted((a, b) => a - b)[5] ?? 0;
  assert.ok(typical(beside) < typical(alone) * 4 + 20, `${typical(beside)} ms instead of ${typical(alone)}`);
});

async function timed(work: () => Promise<unknown>): Promise<number> {
  const from = performance.now();
  await work();
  return performance.now() - from;
}
