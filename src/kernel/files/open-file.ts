// Opens and reads files whose path comes from a user or another process, without blocking on a pipe
// and up to a maximum size.
import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';

/**
 * Rejects with the system's error. The caller checks the open file and closes it: checking the path
 * could check a different file.
 */
export function openToRead(path: string): Promise<FileHandle> {
  // Non-blocking, because opening a pipe without a writer would wait forever.
  return open(path, constants.O_RDONLY | constants.O_NONBLOCK);
}

/**
 * Reads from `start` to the end of the file, at most `maxBytes`. Loops, because one read may return
 * less than is available.
 */
export async function readUpTo(file: FileHandle, maxBytes: number, start = 0): Promise<Buffer> {
  const buffer = Buffer.alloc(maxBytes);
  let filled = 0;
  while (filled < maxBytes) {
    const { bytesRead } = await file.read(buffer, filled, maxBytes - filled, start + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return buffer.subarray(0, filled);
}
