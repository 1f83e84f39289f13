import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { tempDirectory } from '../../test/helpers/temp-directory.ts';
import { lastUsedFile, readLastUsed } from './last-used.ts';

test('ignores a pipe or an endless file in place of the file', { timeout: 60_000 }, async (t) => {
  const file = join(await tempDirectory(t), 'keys.yaml');
  assert.equal(spawnSync('mkfifo', [lastUsedFile(file)]).status, 0);
  assert.equal((await readLastUsed(file)).size, 0);
  await rm(lastUsedFile(file));
  await symlink('/dev/zero', lastUsedFile(file));
  assert.equal((await readLastUsed(file)).size, 0);
});
