// Makes a rename durable: it changes the directory, which must reach the disk as well.
import { open } from 'node:fs/promises';
import { codeOf } from '../reason.ts';

/** The disk itself failed. Other errors mean that this system does not sync directories. */
const diskFaults: ReadonlySet<unknown> = new Set(['EIO', 'ENOSPC', 'EDQUOT']);

/**
 * Does nothing where it is not possible: Windows cannot open directories, some network and FUSE
 * file systems cannot sync them, and the directory may be unreadable for this user.
 */
export async function syncDirectory(path: string, openDirectory: typeof open = open): Promise<void> {
  try {
    const directory = await openDirectory(path, 'r');
    try {
      await directory.sync();
    } finally {
      await directory.close();
    }
  } catch (error) {
    if (diskFaults.has(codeOf(error))) throw error;
  }
}
