// Reads a private file, or a part of it. Rejects a file that other users may read,
// change or replace.
import { openToRead, readUpTo } from './open-file.ts';
import { PrivateFileError, type PrivateKind, refusalOf, type TrustedUser } from './private-file.ts';
import { codeOf } from '../reason.ts';

export interface PrivateFileOptions {
  readonly kind: PrivateKind;
  /** At most this much is read, from the beginning of a longer file. */
  readonly maxBytes: number;
  /** Offset in bytes. Default: 0. */
  readonly start?: number;
  /** The user that may own the file, besides root. Default: the user of this process. */
  readonly user?: TrustedUser | undefined;
}

/** Undefined: the file does not exist. Throws PrivateFileError, or the system's error. */
export async function readPrivateFile(path: string, options: PrivateFileOptions): Promise<Buffer | undefined> {
  const { kind, maxBytes, start = 0, user } = options;
  const file = await openToRead(path).catch((error: unknown) => {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  });
  if (file === undefined) return undefined;
  try {
    const stat = await file.stat();
    if (!stat.isFile()) throw new PrivateFileError(`${path} is refused: it is not a regular file`);
    const fault = await refusalOf(path, stat, kind, user);
    if (fault !== undefined) throw new PrivateFileError(`${path} is refused: ${fault}`);
    return await readUpTo(file, Math.min(Math.max(0, stat.size - start), maxBytes), start);
  } finally {
    await file.close();
  }
}
