// Reads a private file, or a part of it. Refuses a file that other users may read, change or replace.
import { openToRead, readUpTo } from './open-file.ts';
import { PrivateFileError, type PrivateKind, refusalOf, type TrustedUser } from './private-file.ts';

export interface PrivateFileOptions {
  readonly kind: PrivateKind;
  /** Of a longer file, the beginning. */
  readonly maxBytes: number;
  /** In bytes. Default: the beginning. */
  readonly start?: number;
  /** The user that may own the file, besides root. Default: that of this process. */
  readonly user?: TrustedUser | undefined;
}

/** Undefined: there is no such file. Throws PrivateFileError, or the system's error. */
export async function readPrivateFile(path: string, options: PrivateFileOptions): Promise<Buffer | undefined> {
  const { kind, maxBytes, start = 0, user } = options;
  const file = await openToRead(path).catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
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
