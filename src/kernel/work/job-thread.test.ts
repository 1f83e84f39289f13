import assert from 'node:assert/strict';
import { once } from 'node:events';
import process from 'node:process';
import { test, type TestContext } from 'node:test';
import type { Worker } from 'node:worker_threads';
import type { TestJob } from '../../../test/helpers/job-program.ts';
import { assertShortTurns, turnCpuOf } from '../../../test/helpers/turn-cpu.ts';
import { JobThread, JobThreadError, type JobThreadOptions } from './job-thread.ts';

const program = new URL('../../../test/helpers/job-program.ts', import.meta.url);

function threadOf(
  t: TestContext,
  options: Partial<JobThreadOptions> = {},
): (job: TestJob, signal?: AbortSignal) => Promise<unknown> {
  const thread = new JobThread({ program, name: 'test', timeoutMs: 60_000, ...options });
  t.after(() => thread.close());
  return (job, signal) => thread.run(job, signal);
}

test('runs jobs one after the other, and returns each result to its caller', async (t) => {
  const run = threadOf(t);
  const results = await Promise.all(['a', { b: ['c'] }, undefined].map((value) => run({ do: 'echo', value })));
  assert.deepEqual(results, ['a', { b: ['c'] }, undefined]);
});

test('large jobs and results block the event loop only in slices', async (t) => {
  const run = threadOf(t);
  const list = Array.from({ length: 50_000 }, (_, i) => ({ name: `entry-${i}`, numbers: [i, i + 1] }));
  await run({ do: 'list', count: 1_000 });
  for (const [what, job] of [
    ['a large result', { do: 'list', count: 50_000 }],
    ['a large job', { do: 'echo', value: list }],
  ] as const) {
    await assertShortTurns(t, what, async () => {
      let result: unknown;
      const { maxMs } = await turnCpuOf(async () => (result = await run(job)));
      assert.deepEqual(result, list);
      return maxMs;
    });
  }
});

for (const [what, job, message] of [
  ['throws', { do: 'throw' }, /"test" failed: a fault of the program/],
  ['ends', { do: 'exit' }, /"test" ended early/],
  ['uses up its memory', { do: 'fill' }, /"test" failed: .*memory/],
] as const) {
  test(`a thread that ${what} fails its job, and the next job gets a new thread`, async (t) => {
    const run = threadOf(t, { maxHeapMiB: 64 });
    const failing = run(job);
    const next = run({ do: 'echo', value: 'next' });
    await assert.rejects(failing, (error) => error instanceof JobThreadError && message.test(error.message));
    assert.equal(await next, 'next');
  });
}

test('stops a hanging thread after its time limit', async (t) => {
  const run = threadOf(t, { timeoutMs: 1_000 });
  await assert.rejects(run({ do: 'hang' }), /"test" did not finish within 1 s/);
});

test('stops an unwanted thread even if it hangs', async (t) => {
  const run = threadOf(t);
  const stop = new AbortController();
  const hanging = run({ do: 'hang' }, stop.signal);
  stop.abort(new Error('stopped'));
  await assert.rejects(hanging, /stopped/);
  await assert.rejects(run({ do: 'echo', value: 1 }, stop.signal), /stopped/);
  assert.equal(await run({ do: 'echo', value: 1 }), 1);
});

test('closing fails the job in progress and all later jobs', async () => {
  const thread = new JobThread({ program, name: 'test', timeoutMs: 60_000 });
  const hanging = assert.rejects(thread.run({ do: 'hang' }), JobThreadError);
  await new Promise((resolve) => setImmediate(resolve));
  await thread.close();
  await hanging;
  await assert.rejects(thread.run({ do: 'echo', value: 1 }), /is closed/);
  await thread.close();
});

for (const [what, url, message] of [
  ['does not exist', new URL('./no-such-program.ts', import.meta.url), /"test" failed: .*no-such-program/],
  ['cannot start', new URL('http://127.0.0.1/program.js'), /"test" cannot start: /],
] as const) {
  test(`a program that ${what} fails the job`, async (t) => {
    const run = threadOf(t, { program: url });
    await assert.rejects(run({ do: 'echo', value: 1 }), (error) => {
      return error instanceof JobThreadError && message.test(error.message);
    });
  });
}

/** Collects every thread that is started from now on. */
function threadsOf(t: TestContext): Worker[] {
  const started: Worker[] = [];
  const add = (worker: Worker): void => {
    started.push(worker);
  };
  process.on('worker', add);
  t.after(() => process.off('worker', add));
  return started;
}

test('runs consecutive jobs in one thread', async (t) => {
  const started = threadsOf(t);
  const run = threadOf(t);
  for (let i = 0; i < 3; i += 1) assert.equal(await run({ do: 'echo', value: i }), i);
  assert.equal(started.length, 1);
});

test('an idle thread exits, and the next job starts another', async (t) => {
  const started = threadsOf(t);
  const run = threadOf(t, { idleMs: 1 });
  for (let i = 0; i < 2; i += 1) {
    assert.equal(await run({ do: 'echo', value: i }), i);
    const worker = started[i];
    // A worker that has already exited has no id.
    if (worker !== undefined && worker.threadId !== -1) await once(worker, 'exit');
  }
  assert.equal(started.length, 2);
});
