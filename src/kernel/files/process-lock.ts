// An exclusive lock held by one process for its lifetime. The operating system keeps it, not a PID
// file, so it is released after a crash, kill or power cut, and a reused process id cannot be
// mistaken for the holder. For long holds between the processes of one machine; short changes from
// several machines use keys/file-lock.ts.
import { writeNewFile } from './new-file.ts';
import { codeOf } from '../reason.ts';

export interface ProcessLock {
  /** Idempotent. */
  release(): void;
}

/** SQLITE_BUSY, https://www.sqlite.org/rescode.html. */
const busy = 5;

/**
 * `path`: a dedicated lock file, which is never deleted. Undefined: another process or container on
 * this machine holds the lock. Rejects with Node's error if the file cannot be created.
 */
export async function lockForLife(path: string): Promise<ProcessLock | undefined> {
  await create(path);
  // Node has no file locks, but SQLite does on every system: the lock is an empty database that
  // stays empty.
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

/**
 * Created here, not by SQLite: Node reports an error code if it fails, and mode 0600 keeps other
 * users from opening the file.
 */
async function create(path: string): Promise<void> {
  try {
    await writeNewFile(path, '', { durable: false });
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error;
  }
}
