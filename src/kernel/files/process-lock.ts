// Owns that one process at a time has something to itself, for as long as it lives. The operating system keeps the lock, not a note of
// who took it: a crash, a kill and a power cut all let go of it, and no number of a process is mistaken for that of another.
import { open } from 'node:fs/promises';

export interface ProcessLock {
  /** Idempotent. */
  release(): void;
}

/** SQLITE_BUSY, https://www.sqlite.org/rescode.html. */
const busy = 5;

/**
 * `path`: a file of its own, which stays. Undefined: somebody else holds it, in whichever process or container of this machine. Rejects
 * with Node's error when there can be no such file.
 */
export async function lockForLife(path: string): Promise<ProcessLock | undefined> {
  await create(path);
  // Node has no locks of files, but what holds them on every system: an empty database is one, and stays empty.
  const { DatabaseSync } = await import('node:sqlite');
  const database = new DatabaseSync(path);
  try {
    database.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE');
  } catch (error) {
    database.close();
    if (error instanceof Error && 'errcode' in error && error.errcode === busy) return undefined;
    throw error;
  }
  return {
    release: () => {
      if (database.isOpen) database.close();
    },
  };
}

/** Not by SQLite: Node says with a code why it can't be, and nobody else may open it. */
async function create(path: string): Promise<void> {
  try {
    await (await open(path, 'wx', 0o600)).close();
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
  }
}
