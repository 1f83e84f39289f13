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
import { assertShortTurns, turnCpuOf } from '../helpers/turn-cpu.ts';

test('the last use of each of 50,000 keys', async (t) => {
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
    await assertShortTurns(t, `${round} writing`, async () => {
      note();
      return (await turnCpuOf(() => lastUsed.flush())).maxMs;
    });
  }
  assert.deepEqual(await readLastUsed(keysFile), new Map([...ids].map((id) => [id, time])));
  const parsed = JSON.parse(await readFile(lastUsedFile(keysFile), 'utf8')) as object;
  assert.equal(Object.keys(parsed).length, ids.size);
});

test('the digests of the maximum number of keys', async (t) => {
  const path = join(await tempDirectory(t), 'key-digests');
  const count = 15_000;
  const entry = (i: number): string => String(i).padStart(22, 'e');
  // The secret is created with the first stored key.
  const first = await openKeyDigests(path, assert.ifError, 2 ** 31 - 1);
  first.digests.add('a hash', 'a key');
  await first.close();
  await writeFile(path, Array.from({ length: count }, (_, i) => `${entry(i)} ${'d'.repeat(43)}\n`).join(''));
  await assertShortTurns(t, 'writing', async (attempt) => {
    const kept = await openKeyDigests(path, assert.ifError, 2 ** 31 - 1);
    assert.equal(kept.digests.all.length, count);
    kept.digests.add(`another hash ${attempt}`, 'another key');
    return (await turnCpuOf(() => kept.close())).maxMs;
  });
  const again: KeyDigests = (await openKeyDigests(path, assert.ifError)).digests;
  assert.equal(again.all.length, count);
  assert.ok(again.has('another hash 1', 'another key'));
});

test('the ids of 50,000 lease names', async (t) => {
  const file = join(await tempDirectory(t), 'lease-names.jsonl');
  const lines = Array.from({ length: 50_000 }, (_, i) => ({ name: `name-${i}`, id: 'Q'.repeat(26) }));
  let written = 0;
  await assertShortTurns(t, 'writing', async () => {
    written += 1;
    return (await turnCpuOf(() => appendLeaseNames(file, lines))).maxMs;
  });
  await assertShortTurns(t, 'reading', async () => {
    let read: readonly unknown[] = [];
    const { maxMs } = await turnCpuOf(async () => (read = (await readLeaseNames(file)).lines));
    assert.deepEqual(read, Array.from({ length: written }, () => lines).flat());
    return maxMs;
  });
});
