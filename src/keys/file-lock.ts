// A lock file beside a file, so that only one process at a time changes it. The lock names its
// owner and is taken over from owners that no longer run. Neither reads nor writes the file itself.
// Not kernel/files/process-lock.ts: gateways and operators on several machines may share the file
// on a network volume, where link() is atomic and the locks of the system are not reliable.
import { link, rename, stat, unlink } from 'node:fs/promises';
import { setTimeout as wait } from 'node:timers/promises';
import { temporaryName, writeNewFile } from '../kernel/files/new-file.ts';
import { isGone, maxRecordBytes, parseProcessRecord, recordOfThisProcess } from '../kernel/files/process-record.ts';
import { readBeginning } from '../kernel/read-beginning.ts';
import { codeOf } from '../kernel/reason.ts';
import { ignore } from '../kernel/ignore.ts';
import { systemClock } from '../kernel/clock.ts';
import { KeysFileError } from './keys-file-error.ts';

// The system's clock: the waits are real, and the age of a lock is a time of the file system.

/** The owner of a lock only reads and writes one small file, so it never needs longer. */
const maxHoldMs = 30_000;
const defaultPatienceMs = 10_000;
const lookEveryMs = 25;

export interface HeldLock {
  /**
   * Throws KeysFileError when another process took the lock because it considered the owner gone.
   * Call this just before the change.
   */
  confirm(): Promise<void>;
}

/** Throws KeysFileError when another process holds the lock and does not release it in time. */
export async function withFileLock<T>(
  path: string,
  work: (lock: HeldLock) => Promise<T>,
  patienceMs: number = defaultPatienceMs,
): Promise<T> {
  const lock = `${path}.lock`;
  const text = JSON.stringify(recordOfThisProcess());
  const untilMs = systemClock.monotonicMs() + patienceMs;
  while (!(await create(lock, text))) {
    if (await takeAwayStale(lock)) continue;
    if (systemClock.monotonicMs() >= untilMs) throw await stillHeld(path, lock);
    // Jitter, so that waiting processes do not all try at once.
    await wait(lookEveryMs * (0.5 + Math.random()));
  }
  try {
    return await work({
      confirm: async () => {
        if ((await contentOf(lock)) !== text)
          throw new KeysFileError(`${lock} was taken by another process; run the command again`, {
            temporary: 'keys_file_locked',
          });
      },
    });
  } finally {
    if ((await contentOf(lock)) === text) await unlink(lock).catch(ignore);
  }
}

async function create(lock: string, text: string): Promise<boolean> {
  // Written under a temporary name first, so that a lock always has an owner.
  const temporary = temporaryName(lock);
  try {
    await writeNewFile(temporary, text, { durable: false });
    // Like O_EXCL: fails when the lock exists.
    await link(temporary, lock);
    return true;
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false;
    throw error;
  } finally {
    await unlink(temporary).catch(ignore);
  }
}

/** True: the caller should try again at once. */
async function takeAwayStale(lock: string): Promise<boolean> {
  const content = await contentOf(lock);
  const since = await stat(lock).catch(ignore);
  if (since === undefined) return true;
  // The lock exists but cannot be read (a directory, for example): the caller waits until its
  // patience ends.
  if (content === undefined) return false;
  const owner = parseProcessRecord(content);
  const gone = owner !== undefined && isGone(owner);
  if (!gone && systemClock.wallMs() - since.mtimeMs < maxHoldMs) return false;
  const aside = temporaryName(lock);
  try {
    await rename(lock, aside);
    // Another process may have replaced the lock in between and own it now: restore its lock.
    if ((await contentOf(aside)) !== content) await link(aside, lock);
  } catch {
    // Another process was faster.
  } finally {
    await unlink(aside).catch(ignore);
  }
  return true;
}

async function stillHeld(path: string, lock: string): Promise<KeysFileError> {
  const owner = parseProcessRecord((await contentOf(lock)) ?? '');
  const who = owner === undefined ? 'another process' : `process ${owner.pid} on ${owner.host}`;
  return new KeysFileError(
    `${path} is being changed by ${who}; try again, or remove ${lock} if that process no longer runs`,
    { temporary: 'keys_file_locked' },
  );
}

/** Bounded, because in a sticky directory such as /tmp any user may have made the file. */
async function contentOf(file: string): Promise<string | undefined> {
  const content = await readBeginning(file, maxRecordBytes).catch(ignore);
  return content?.toString('utf8');
}
