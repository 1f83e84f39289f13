// Makes the directories of files that outlive the process, and tells places where nothing can be kept (a read-only file system, a home
// that is missing or belongs to another user) from files that are there and cannot be used.
import { mkdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { placeFault, PrivateFileError, type TrustedUser } from './private-file.ts';

/** The files name callers or hold keys. */
const ownerOnly = 0o700;

/** ENOENT: a file system that holds no files of users, such as /proc. ENOTDIR: a HOME of /dev/null. */
const unwritable: ReadonlySet<unknown> = new Set(['EROFS', 'EACCES', 'EPERM', 'ENOTDIR', 'ENOENT']);

/**
 * Makes a directory and those above it, for this user alone. Rejects with PrivateFileError where other users could replace what is in it, and
 * with the system's error where it cannot be made. `user`: that may own it; that of this process by default.
 */
export async function makePrivateDirectory(path: string, user?: TrustedUser): Promise<void> {
  await makeStepByStep(path);
  const fault = await placeFault(path, user);
  if (fault !== undefined) throw new PrivateFileError(`${path} is refused: ${fault}`);
}

/** True: no file can be kept at `path`, and none is known to be there. `error`: the system's, from the attempt to create it. */
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
 * Not the recursive mkdir of Node: it never returns where the system reports ENOENT although the directory above exists, as in /proc and in a
 * /home of autofs, and it reports a read-only file system as ENOENT.
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

/** It may be there, also because another process made it first. */
async function makeOne(path: string): Promise<void> {
  try {
    await mkdir(path, { mode: ownerOnly });
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error;
  }
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}
