// One load at a time: queued loads, joined requests, and loads that fail or are aborted.
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { file, port, watching, withPort } from '../../../test/helpers/config-watching.ts';
import { tempDirectory } from '../../../test/helpers/temp-directory.ts';
import { loadConfig, type LoadResult } from './load.ts';

test('many changes in quick succession cause few loads, and the last change is applied', async (t) => {
  const { directory, untilPort, loads } = await watching(t, withPort(1), { debounceMs: 100 });
  for (let number = 2; number <= 100; number += 1) await withPort(number)(directory);
  await untilPort(100);
  assert.ok(loads() < 20, `${loads()} loads`);
});

test('loads a file even if it never stops changing', async (t) => {
  const { directory, next } = await watching(t, withPort(1), { debounceMs: 300 });
  let number = 2;
  let written = Promise.resolve();
  const writing = setInterval(() => {
    written = written.then(() => withPort((number += 1))(directory));
  }, 50);
  try {
    await next();
  } finally {
    clearInterval(writing);
    await written;
  }
});

test('ignores other files in the same directory', async (t) => {
  const { directory, untilPort, loads } = await watching(t, withPort(1));
  for (let i = 0; i < 10; i += 1) await writeFile(join(directory, `conf/other-${i}`), 'x');
  await withPort(2)(directory);
  await untilPort(2);
  assert.equal(loads(), 1);
});

test('any number of SIGHUPs during a load cause one more load', async (t) => {
  const gates: (() => void)[] = [];
  const loadable = await tempDirectory(t);
  await writeFile(join(loadable, 'f.yaml'), port(1));
  const { signals, next, watch } = await watching(t, withPort(1), {
    load: async () => {
      await new Promise<void>((resolve) => gates.push(resolve));
      return loadConfig({ file: join(loadable, 'f.yaml'), env: {} });
    },
  });
  signals.emit('SIGHUP');
  await new Promise(setImmediate);
  signals.emit('SIGHUP');
  signals.emit('SIGHUP');
  const last = watch.reload();
  const begun = (): number => gates.length;
  assert.equal(begun(), 1);
  gates[0]?.();
  await next();
  while (begun() === 1) await new Promise(setImmediate);
  gates[1]?.();
  await last;
  assert.equal((await next()).reason, 'signal');
  assert.equal(begun(), 2);
});

test('reload() forces a load, even when it joins a queued check for changes', async (t) => {
  const { promise: gate, resolve: open } = Promise.withResolvers<undefined>();
  const loadable = await tempDirectory(t);
  await writeFile(join(loadable, 'f.yaml'), port(1));
  let loads = 0;
  const { signals, watch, directory, next } = await watching(t, withPort(1), {
    load: async () => {
      loads += 1;
      if (loads === 1) await gate;
      return loadConfig({ file: join(loadable, 'f.yaml'), env: {} });
    },
    debounceMs: 1,
  });
  signals.emit('SIGHUP');
  // This change queues a reload, although the load in progress may already see it. An explicit
  // reload() then joins the queue.
  await withPort(2)(directory);
  await new Promise((resolve) => setTimeout(resolve, 50));
  const asked = watch.reload();
  open(undefined);
  await asked;
  assert.equal((await next()).reason, 'signal');
  assert.equal((await next()).reason, 'request');
  assert.equal(loads, 2);
});

test('reports a load that throws and still starts the next one', async (t) => {
  const error = new Error('not foreseen');
  let broken = true;
  const { signals, watch, next, failures, directory } = await watching(t, withPort(1), {
    load: () => (broken ? Promise.reject(error) : loadConfig({ file: file(directory), env: {} })),
  });
  await assert.rejects(watch.reload(), error);
  signals.emit('SIGHUP');
  await watch.reload().catch(() => undefined);
  assert.deepEqual(failures, [error]);
  broken = false;
  signals.emit('SIGHUP');
  await next();
});

for (const end of ['resolves', 'rejects'] as const) {
  test(`after close() nothing is reported, and a load in progress that ${end} has no result`, async (t) => {
    const { promise: begun, resolve: begin } = Promise.withResolvers<AbortSignal>();
    const { promise: gate, resolve: open, reject: refuse } = Promise.withResolvers<LoadResult>();
    const { signals, watch, directory, failures } = await watching(t, withPort(1), {
      load: (signal) => {
        begin(signal);
        return gate;
      },
      apply: () => {
        assert.fail('applied after close');
      },
    });
    const asked = watch.reload();
    const signal = await begun;
    watch.close();
    watch.close();
    assert.equal(signal.aborted, true);
    if (end === 'resolves') open(await loadConfig({ file: file(directory), env: {} }));
    else refuse(new Error('aborted'));
    await asked;
    assert.equal(signals.listenerCount('SIGHUP'), 0);
    await watch.reload();
    assert.deepEqual(failures, []);
  });
}

test('reports a directory that cannot be watched once', async (t) => {
  const nowhere = 'auth: { keys: [{ id: a, key: "file:/nowhere/key" }] }';
  const { signals, next, unwatched } = await watching(t, (directory) => writeFile(file(directory), nowhere));
  assert.deepEqual(unwatched, ['/nowhere']);
  signals.emit('SIGHUP');
  await next();
  assert.deepEqual(unwatched, ['/nowhere']);
});
