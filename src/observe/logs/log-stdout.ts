// Owns stdout as the place of the log.
import { write, writeSync } from 'node:fs';
import process from 'node:process';
import { promisify } from 'node:util';
import type { LogTarget } from './log-writer.ts';

const writeSome = promisify(write);

export function stdoutTarget(): LogTarget {
  // The stream itself would end for good with the first error, such as a full disk. But Node makes a pipe non-blocking when it makes
  // the stream of it: without, a reader that stalls would hold a thread for ever, and with it the end of the process.
  const { fd } = process.stdout;
  return {
    maxBatchBytes: 64 * 1024,
    write: async (bytes) => (await writeSome(fd, bytes)).bytesWritten,
    writeSync: (bytes) => {
      for (let rest = bytes; rest.length > 0;) rest = rest.subarray(writeSync(fd, rest));
    },
    close: () => Promise.resolve(),
  };
}
