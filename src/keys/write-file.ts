// Owns replacing a file so that every reader finds the old one or the new one, whole, also after a crash. Knows nothing of what is in it.
import { randomBytes } from 'node:crypto';
import { open, realpath, rename, stat, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import process from 'node:process';

const ownerOnly = 0o600;
/** What the owner may lend its group, as the gateway's user may have been. */
const lentToGroup = 0o640;

/** Where links lead to, so that they stay links. */
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
        // root, changing what belongs to the gateway's user, must not take it away from it.
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

/** The new name is in the directory, and that has to reach the disk as well. */
async function syncDirectory(path: string): Promise<void> {
  // Windows opens no directories.
  const directory = await open(path, 'r').catch(() => undefined);
  if (directory === undefined) return;
  try {
    await directory.sync();
  } catch {
    // File systems of other machines may know nothing of it.
  } finally {
    await directory.close();
  }
}
