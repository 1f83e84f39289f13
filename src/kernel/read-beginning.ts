// Reads the beginning of a file that another process, perhaps of another user, may have created.
// Neither a pipe without a writer nor an endless file blocks the caller.
import { openToRead, readUpTo } from './files/open-file.ts';

/**
 * Reads at most `maxBytes`. Throws the system's error, or an error if the path is not a
 * regular file.
 */
export async function readBeginning(path: string, maxBytes: number): Promise<Buffer> {
  const file = await openToRead(path);
  try {
    const stat = await file.stat();
    if (!stat.isFile()) throw new Error(`${path} is not a regular file`);
    return await readUpTo(file, Math.min(stat.size, maxBytes));
  } finally {
    await file.close();
  }
}
