// Opens and reads files whose path comes from a user or another process: without waiting for a pipe, and never more than so many bytes.
import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';

/** Rejects with the system's error. The caller checks and closes the file: checks of a path could be of another file. */
export function openToRead(path: string): Promise<FileHandle> {
  // Non-blocking: opening a pipe that nobody writes to would wait for ever.
  return open(path, constants.O_RDONLY | constants.O_NONBLOCK);
}

/** From `start` to the end of the file, `maxBytes` at most. A read may return less than there is, so one is not enough. */
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
