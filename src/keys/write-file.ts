// Replaces a file atomically: every reader finds the old or the new content, complete, also after a
// crash.
import { realpath, rename, stat, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import process from 'node:process';
import { temporaryName, writeNewFile } from '../kernel/files/new-file.ts';
import { syncDirectory } from '../kernel/files/sync-directory.ts';
import { ignore } from '../kernel/ignore.ts';

const ownerOnly = 0o600;
/** Group access that is kept if the file had it: the gateway's user may need it. */
const lentToGroup = 0o640;

/** Resolves symbolic links first, so that they stay links. */
export async function replaceFile(path: string, text: string): Promise<void> {
  const target = await realpath(path).catch(() => path);
  const before = await stat(target).catch(ignore);
  const temporary = temporaryName(target);
  try {
    await writeNewFile(temporary, text, {
      durable: true,
      prepare: async (file) => {
        if (before === undefined) return;
        await file.chmod((before.mode & lentToGroup) | ownerOnly);
        // When root changes a file of the gateway's user, it must keep its owner.
        if (process.getuid?.() === 0) await file.chown(before.uid, before.gid);
      },
    });
    await rename(temporary, target);
  } catch (error) {
    await unlink(temporary).catch(ignore);
    throw error;
  }
  await syncDirectory(dirname(target));
}
