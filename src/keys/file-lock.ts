// Owns that only one process at a time changes a file: a lock beside it that names its owner, and that is taken from owners who are
// no more. Knows nothing of the file.
import { randomBytes } from 'node:crypto';
import { link, open, rename, stat, unlink } from 'node:fs/promises';
import { setTimeout as wait } from 'node:timers/promises';
import { isGone, maxRecordBytes, parseProcessRecord, recordOfThisProcess } from '../kernel/files/process-record.ts';
import { readBeginning } from '../kernel/read-beginning.ts';
import { KeysFileError } from './errors.ts';

/** Who holds a lock has everything at hand and does nothing but read and write one small file. */
const maxHoldMs = 30_000;
const defaultPatienceMs = 10_000;
const lookEveryMs = 25;

export interface HeldLock {
  /** Throws KeysFileError when somebody has taken the lock, who thought that its owner was no more. Asked just before the change. */
  confirm(): Promise<void>;
}

/** Throws KeysFileError when another process holds the lock and does not let go of it. */
export async function withFileLock<T>(
  path: string,
  work: (lock: HeldLock) => Promise<T>,
  patienceMs: number = defaultPatienceMs,
): Promise<T> {
  const lock = `${path}.lock`;
  const text = JSON.stringify(recordOfThisProcess());
  const untilMs = performance.now() + patienceMs;
  while (!(await create(lock, text))) {
    if (await takeAwayStale(lock)) continue;
    if (performance.now() >= untilMs) throw await stillHeld(path, lock);
    // Not all at once.
    await wait(lookEveryMs * (0.5 + Math.random()));
  }
  try {
    return await work({
      confirm: async () => {
        if ((await contentOf(lock)) !== text)
          throw new KeysFileError(`${lock} was taken by another process; run the command again`);
      },
    });
  } finally {
    if ((await contentOf(lock)) === text) await unlink(lock).catch(() => undefined);
  }
}

async function create(lock: string, text: string): Promise<boolean> {
  // Written before it has its name: nobody finds a lock without an owner.
  const temporary = `${lock}.${randomBytes(6).toString('hex')}`;
  try {
    const file = await open(temporary, 'wx', 0o600);
    try {
      await file.writeFile(text);
    } finally {
      await file.close();
    }
    // As O_EXCL: fails when there is one.
    await link(temporary, lock);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  } finally {
    await unlink(temporary).catch(() => undefined);
  }
}

/** True: it is worth another try at once. */
async function takeAwayStale(lock: string): Promise<boolean> {
  const content = await contentOf(lock);
  const since = await stat(lock).catch(() => undefined);
  if (since === undefined) return true;
  // It is there and cannot be read, a directory for example: the caller waits for as long as its patience lasts.
  if (content === undefined) return false;
  const owner = parseProcessRecord(content);
  const gone = owner !== undefined && isGone(owner);
  if (!gone && Date.now() - since.mtimeMs < maxHoldMs) return false;
  const aside = `${lock}.${randomBytes(6).toString('hex')}.stale`;
  try {
    await rename(lock, aside);
    // Another process may have done the same in between, and hold the lock by now: then it gets it back.
    if ((await contentOf(aside)) !== content) await link(aside, lock);
  } catch {
    // Somebody else was faster.
  } finally {
    await unlink(aside).catch(() => undefined);
  }
  return true;
}

async function stillHeld(path: string, lock: string): Promise<KeysFileError> {
  const owner = parseProcessRecord((await contentOf(lock)) ?? '');
  const who = owner === undefined ? 'another process' : `process ${owner.pid} on ${owner.host}`;
  return new KeysFileError(`${path} is being changed by ${who}; try again, or remove ${lock} if that is not so`);
}

/** In a sticky directory, such as /tmp, anybody may have made it. */
async function contentOf(file: string): Promise<string | undefined> {
  const content = await readBeginning(file, maxRecordBytes).catch(() => undefined);
  return content?.toString('utf8');
}
