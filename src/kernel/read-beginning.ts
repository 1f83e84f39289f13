// Reads the beginning of a file that another process, perhaps of another user, may have put there: neither a pipe without a writer nor a
// file without an end holds the caller.
import { openToRead, readUpTo } from './files/open-file.ts';

/** At most `maxBytes`. Throws the system's error, or one for what is not a regular file. */
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
