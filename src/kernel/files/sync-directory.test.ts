import assert from 'node:assert/strict';
import type { FileHandle } from 'node:fs/promises';
import type { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { syncDirectory } from './sync-directory.ts';

/** A directory whose sync fails with the code. */
function failing(code: string): { opener: typeof open; closes: () => number } {
  let closes = 0;
  const handle = {
    sync: () => Promise.reject(Object.assign(new Error(code), { code })),
    close: () => {
      closes += 1;
      return Promise.resolve();
    },
  } as unknown as FileHandle;
  return { opener: () => Promise.resolve(handle), closes: () => closes };
}

test('a directory is synced', async () => {
  await syncDirectory(tmpdir());
});

test('a directory that cannot be opened is left alone', async () => {
  await syncDirectory(join(tmpdir(), 'portal-gateway-does-not-exist'));
});

test('a file system that does not sync directories is tolerated', async () => {
  for (const code of ['EINVAL', 'ENOTSUP', 'ENOSYS', 'EPERM', 'EBADF']) {
    const { opener, closes } = failing(code);
    await syncDirectory('/', opener);
    assert.equal(closes(), 1, code);
  }
});

test('a disk that fails is reported', async () => {
  for (const code of ['EIO', 'ENOSPC', 'EDQUOT']) {
    const { opener, closes } = failing(code);
    await assert.rejects(syncDirectory('/', opener), { code });
    assert.equal(closes(), 1, code);
  }
});
