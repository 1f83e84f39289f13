// Replaces a file atomically: every reader finds the old or the new content, complete, also after a
// crash.
import { randomBytes } from 'node:crypto';
import { open, realpath, rename, stat, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import process from 'node:process';

const ownerOnly = 0o600;
/** Group access that is kept if the file had it: the gateway's user may need it. */
const lentToGroup = 0o640;

/** Resolves symbolic links first, so that they stay links. */
export async function replaceFile(path: string, text: string): Promise<void> {
  const target = await realpath(path).catch(() => path);
  const before = await stat(target).catch(() => undefined);
  const temporary = `${target}.${randomBytes(6).toString('hex')}.tmp`;
  try {
    const file = await open(temporary, 'wx', ownerOnly);
    try {
      await file.writeFile(text);
      if (before !== undefined) {
        await file.chmod((before.mode & lentToGroup) | ownerOnly);
        // When root changes a file of the gateway's user, it must keep its owner.
        if (process.getuid?.() === 0) await file.chown(before.uid, before.gid);
      }
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, target);
  } catch (error) {
    await unlink(temporary).catch(() => undefined);
    throw error;
  }
  await syncDirectory(dirname(target));
}

/** A rename changes the directory, which has to reach the disk as well. */
async function syncDirectory(path: string): Promise<void> {
  // Windows cannot open directories.
  const directory = await open(path, 'r').catch(() => undefined);
  if (directory === undefined) return;
  try {
    await directory.sync();
  } catch {
    // Some network file systems do not support this.
  } finally {
    await directory.close();
  }
}
