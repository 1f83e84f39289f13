// Creates directories for files that outlive the process. Distinguishes places where nothing can be
// stored (a read-only file system, a home that is missing or belongs to another user) from existing
// files that cannot be used.
import { mkdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { codeOf } from '../reason.ts';
import { placeFault, PrivateFileError, type TrustedUser } from './private-file.ts';

/** The files name callers or contain keys. */
const ownerOnly = 0o700;

/** ENOENT: a file system that stores no user files, such as /proc. ENOTDIR: a HOME of /dev/null. */
const unwritable: ReadonlySet<unknown> = new Set(['EROFS', 'EACCES', 'EPERM', 'ENOTDIR', 'ENOENT']);

/**
 * Creates a directory and its parents, for this user only. Rejects with PrivateFileError if other
 * users could replace its contents, and with the system's error if it cannot be created. `user`:
 * the permitted owner; default: the user of this process.
 */
export async function makePrivateDirectory(path: string, user?: TrustedUser): Promise<void> {
  await makeStepByStep(path);
  const fault = await placeFault(path, user);
  if (fault !== undefined) throw new PrivateFileError(`${path} is refused: ${fault}`);
}

/**
 * True if no file can be stored at `path` and none is known to exist there. `error`: the system's
 * error from the attempt to create it.
 */
export async function isUnwritablePlace(path: string, error: unknown): Promise<boolean> {
  if (!unwritable.has(codeOf(error))) return false;
  try {
    await stat(path);
    return false;
  } catch {
    return true;
  }
}

/**
 * Not Node's recursive mkdir: it never returns where the system reports ENOENT although the parent
 * exists, as in /proc and in an autofs /home, and it reports a read-only file system as ENOENT.
 */
async function makeStepByStep(path: string): Promise<void> {
  try {
    await makeOne(path);
  } catch (error) {
    if (codeOf(error) !== 'ENOENT' || dirname(path) === path) throw error;
    await makeStepByStep(dirname(path));
    await makeOne(path);
  }
}

/** The directory may already exist, perhaps because another process created it first. */
async function makeOne(path: string): Promise<void> {
  try {
    await mkdir(path, { mode: ownerOnly });
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error;
  }
}
