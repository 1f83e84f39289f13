// Checks that a new file can be made in a directory, before anything is asked or changed.
import { access, constants, stat } from 'node:fs/promises';
import { codeOf } from '../kernel/reason.ts';

/** Undefined: this user may create files in it. */
export async function directoryFault(directory: string): Promise<string | undefined> {
  try {
    if (!(await stat(directory)).isDirectory()) return placeFaultWith('ENOTDIR');
    await access(directory, constants.W_OK | constants.X_OK);
    return undefined;
  } catch (error) {
    return placeFaultOf(error);
  }
}

export function placeFaultOf(error: unknown): string {
  return placeFaultWith(codeOf(error) ?? 'unknown error');
}

/** `code`: of the system. */
export function placeFaultWith(code: string): string {
  return placeFaults[code] ?? `${code}; check its directory`;
}

const placeFaults: Readonly<Record<string, string>> = {
  EACCES: 'this user may not write to its directory; name another directory, or change the owner or mode of this one',
  EISDIR: 'it is a directory; name a file in it',
  ENOENT: 'its directory does not exist; create it first',
  ENOTDIR: 'its directory is a file; name another one',
  EROFS: 'the file system is read-only; name a file on another one',
};
