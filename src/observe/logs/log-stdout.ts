// Writes the log to stdout.
import { write, writeSync } from 'node:fs';
import process from 'node:process';
import { promisify } from 'node:util';
import type { LogTarget } from './log-writer.ts';

const writeSome = promisify(write);

export function stdoutTarget(): LogTarget {
  // Writes to the descriptor, because the stream would end for good on the first error, such as a
  // full disk. The stream must still be created: it makes a pipe non-blocking. Otherwise a stalled
  // reader would block a thread forever, and with it the exit of the process.
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
