import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { logDropped, type LogDropped } from '../../kernel/events.ts';
import { LogWriter, type LogTarget } from './log-writer.ts';

type Response = number | Error | Promise<number>;

/** Accepts everything, unless the queued outcomes differ. */
class FakeTarget implements LogTarget {
  readonly maxBatchBytes: number;
  readonly outcomes: ((bytes: Uint8Array) => Response)[] = [];
  readonly batches: { readonly text: string; readonly fresh: boolean }[] = [];
  taken = '';
  closed = 0;
  moved?: () => Promise<boolean>;
  reopen?: () => Promise<void>;
  #waiting: { readonly length: number; readonly resolve: () => void }[] = [];

  constructor(maxBatchBytes = 1024) {
    this.maxBatchBytes = maxBatchBytes;
  }

  async write(bytes: Uint8Array, fresh: boolean): Promise<number> {
    const text = Buffer.from(bytes).toString();
    const response = await (this.outcomes.shift()?.(bytes) ?? bytes.length);
    if (response instanceof Error) throw response;
    this.batches.push({ text, fresh });
    this.taken += Buffer.from(bytes.subarray(0, response)).toString();
    for (const { length, resolve } of this.#waiting) if (this.taken.length >= length) resolve();
    return response;
  }

  writeSync(bytes: Uint8Array): void {
    this.taken += Buffer.from(bytes).toString();
  }

  close(): Promise<void> {
    this.closed += 1;
    return Promise.resolve();
  }

  /** Resolves once `length` characters were written. */
  has(length: number): Promise<void> {
    if (this.taken.length >= length) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push({ length, resolve }));
  }
}

interface Bench {
  readonly target: FakeTarget;
  readonly writer: LogWriter;
  readonly notes: string[];
  /** The value of the metric. */
  readonly dropped: () => number;
}

function bench(t: TestContext, target = new FakeTarget(), maxQueuedBytes = 1_000_000): Bench {
  const notes: string[] = [];
  const writer = new LogWriter({
    target,
    failed: ({ message }) => notes.push(`failed ${message}`),
    recovered: (lost) => notes.push(`recovered ${lost}`),
    maxQueuedBytes,
    retryMs: 5,
  });
  let dropped = 0;
  const count = ({ lines }: LogDropped): void => {
    dropped += lines;
  };
  logDropped.subscribe(count);
  t.after(async () => {
    logDropped.unsubscribe(count);
    await writer.close();
  });
  return { target, writer, notes, dropped: () => dropped };
}

const fault = (code: string): Error => Object.assign(new Error(code), { code });

test('writes lines in order, in batches, and splits none', async (t) => {
  const { target, writer } = bench(t, new FakeTarget(50));
  const lines = Array.from({ length: 100 }, (_, i) => `line ${i}\n`);
  for (const line of lines) writer.write(line);
  await target.has(lines.join('').length);
  assert.equal(target.taken, lines.join(''));
  assert.ok(target.batches.length < 30);
  for (const { text, fresh } of target.batches) assert.ok(fresh && text.endsWith('\n') && text.length <= 50);
});

test('a line larger than a batch is a separate batch', async (t) => {
  const { target, writer } = bench(t, new FakeTarget(10));
  writer.write(`${'x'.repeat(100)}\n`);
  await target.has(101);
  assert.equal(target.batches.length, 1);
});

test('continues a partial write as the same line', async (t) => {
  const { target, writer } = bench(t);
  target.outcomes.push(
    () => 3,
    () => 1,
  );
  writer.write('abcdef\n');
  await target.has(7);
  assert.deepEqual(target.batches, [
    { text: 'abcdef\n', fresh: true },
    { text: 'def\n', fresh: false },
    { text: 'ef\n', fresh: false },
  ]);
});

test('writes a line that arrives during a write right after it', async (t) => {
  const { target, writer } = bench(t);
  target.outcomes.push((bytes) => {
    writer.write('second\n');
    return bytes.length;
  });
  writer.write('first\n');
  await target.has(13);
  assert.equal(target.taken, 'first\nsecond\n');
});

test('reports a fault once, retries, and loses nothing while there is room', async (t) => {
  const { target, writer, notes, dropped } = bench(t);
  target.outcomes.push(
    () => fault('ENOSPC'),
    () => fault('ENOSPC'),
    () => fault('EIO'),
  );
  writer.write('kept\n');
  await target.has(5);
  assert.deepEqual(notes, ['failed ENOSPC']);
  assert.equal(dropped(), 0);
  target.outcomes.push(() => fault('ENOSPC'));
  writer.write('again\n');
  await target.has(11);
  assert.deepEqual(notes, ['failed ENOSPC', 'failed ENOSPC']);
});

test('writes a complete line again if its file disappeared after a partial write', async (t) => {
  const { target, writer, notes } = bench(t);
  let gone = false;
  target.moved = () => Promise.resolve(gone);
  target.outcomes.push(
    () => 12,
    () => new Error('full'),
    () => {
      gone = true;
      return new Error('full');
    },
  );
  writer.write('first line\n');
  writer.write('second line\n');
  await target.has('first line\ns'.length + 'second line\n'.length);
  assert.deepEqual(target.batches.slice(1), [{ text: 'second line\n', fresh: true }]);
  assert.deepEqual(notes, ['failed full']);
});

test('reopens a target on request while writes fail', async (t) => {
  const { target, writer } = bench(t);
  let opened = 0;
  target.reopen = () => {
    opened += 1;
    return Promise.resolve();
  };
  const fails = (): Error => {
    if (opened === 0) writer.reopen();
    return new Error('stale');
  };
  target.outcomes.push(
    () => 3,
    fails,
    () => (opened === 1 ? 3 : new Error('stale')),
  );
  writer.write('a line\n');
  await target.has('a line\n'.length);
  assert.equal(target.taken, 'a line\n');
});

test('if the reader stalls, drops and counts the lines that do not fit', async (t) => {
  const { target, writer, notes, dropped } = bench(t, new FakeTarget(), 100);
  const stalled = Promise.withResolvers<number>();
  const begun = Promise.withResolvers<undefined>();
  target.outcomes.push(() => {
    begun.resolve(undefined);
    return stalled.promise;
  });
  for (let i = 0; i < 50; i += 1) writer.write('123456789\n');
  assert.equal(dropped(), 40);
  await begun.promise;
  // Bytes that the system is writing count as held too.
  writer.write('123456789\n');
  assert.equal(dropped(), 41);
  stalled.resolve(100);
  await target.has(100);
  await new Promise((resolve) => setImmediate(resolve));
  writer.write('room again\n');
  await target.has(111);
  assert.deepEqual(notes, ['recovered 41']);
});

test('a full pipe is not a fault', async (t) => {
  const { target, writer, notes } = bench(t);
  target.outcomes.push(() => fault('EAGAIN'));
  writer.write('x\n');
  await target.has(2);
  assert.deepEqual(notes, []);
});

test('close() writes queued lines once and ends', async (t) => {
  const { target, writer } = bench(t);
  writer.write('last\n');
  await Promise.all([writer.close(), writer.close()]);
  assert.equal(target.taken, 'last\n');
  assert.equal(target.closed, 1);
  writer.write('too late\n');
  await writer.close();
  assert.equal(target.taken, 'last\n');
});

test('close() waits at most a second for a stalled reader', async (t) => {
  const { target, writer } = bench(t);
  target.outcomes.push(() => new Promise<number>(() => undefined));
  writer.write('x\n');
  const startedMs = performance.now();
  await writer.close();
  assert.ok(performance.now() - startedMs < 5_000);
});
