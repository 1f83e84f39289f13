// How long reading or writing state for many keys and names blocks the event loop.
import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import type { KeyDigests } from '../../src/auth/key-digests.ts';
import { appendLeaseNames, readLeaseNames } from '../../src/gateway/lease-names-file.ts';
import { openKeyDigests } from '../../src/keys/key-digests-file.ts';
import { LastUsed, lastUsedFile, readLastUsed } from '../../src/keys/last-used.ts';
import { tempDirectory } from '../helpers/temp-directory.ts';
import { turnCpuOf } from '../helpers/turn-cpu.ts';

/** The target is about 10 ms; garbage collection and cold code add to it. */
const maxStretchMs = 30;

test('when each of 50,000 keys was used last', async (t) => {
  const keysFile = join(await tempDirectory(t), 'keys.yaml');
  const ids = new Set(Array.from({ length: 50_000 }, (_, i) => `key-${i}`));
  const lastUsed = new LastUsed({ keysFile, ids: () => ids, failed: assert.ifError, everyMs: 2 ** 31 - 1 });
  t.after(() => lastUsed.close());
  let time = Date.UTC(2030, 0);
  const note = (): void => {
    time += 60_000;
    for (const id of ids) lastUsed.note(id, time);
  };
  for (const round of ['first', 'second']) {
    note();
    const { maxMs } = await turnCpuOf(() => lastUsed.flush());
    t.diagnostic(`${round} writing: longest stretch ${maxMs.toFixed(1)} ms`);
    assert.ok(maxMs < maxStretchMs, `the loop was held for ${maxMs} ms of CPU time`);
  }
  assert.deepEqual(await readLastUsed(keysFile), new Map([...ids].map((id) => [id, time])));
  const parsed = JSON.parse(await readFile(lastUsedFile(keysFile), 'utf8')) as object;
  assert.equal(Object.keys(parsed).length, ids.size);
});

test('the digests of as many keys as are kept', async (t) => {
  const path = join(await tempDirectory(t), 'key-digests');
  const count = 15_000;
  const entry = (i: number): string => String(i).padStart(22, 'e');
  // The secret is created with the first stored key.
  const first = await openKeyDigests(path, assert.ifError, 2 ** 31 - 1);
  first.digests.add('a hash', 'a key');
  await first.close();
  await writeFile(path, Array.from({ length: count }, (_, i) => `${entry(i)} ${'d'.repeat(43)}\n`).join(''));
  const kept = await openKeyDigests(path, assert.ifError, 2 ** 31 - 1);
  assert.equal(kept.digests.all.length, count);
  kept.digests.add('another hash', 'another key');
  const { maxMs } = await turnCpuOf(() => kept.close());
  t.diagnostic(`longest stretch ${maxMs.toFixed(1)} ms`);
  assert.ok(maxMs < maxStretchMs, `the loop was held for ${maxMs} ms of CPU time`);
  const again: KeyDigests = (await openKeyDigests(path, assert.ifError)).digests;
  assert.equal(again.all.length, count);
  assert.ok(again.has('another hash', 'another key'));
});

test('the ids of 50,000 lease names', async (t) => {
  const file = join(await tempDirectory(t), 'lease-names.jsonl');
  const lines = Array.from({ length: 50_000 }, (_, i) => ({ name: `name-${i}`, id: 'Q'.repeat(26) }));
  const writing = await turnCpuOf(() => appendLeaseNames(file, lines));
  let read: unknown;
  const reading = await turnCpuOf(async () => (read = (await readLeaseNames(file)).lines));
  t.diagnostic(`longest stretch ${writing.maxMs.toFixed(1)} and ${reading.maxMs.toFixed(1)} ms`);
  assert.deepEqual(read, lines);
  assert.ok(writing.maxMs < maxStretchMs && reading.maxMs < maxStretchMs);
});
