// An output stream for commands that carry traffic: writes in batches and never blocks, so that a
// stopped terminal (Ctrl-S), a reader that stalls or a full disk holds no request. Drops and counts
// lines beyond the bound of its queue.
import { closeSync, constants, openSync, write, writeSync } from 'node:fs';
import process from 'node:process';
import { Writable } from 'node:stream';
import type { WriteStream } from 'node:tty';
import { promisify } from 'node:util';
import { ignore } from '../kernel/ignore.ts';
import { type LogTarget, LogWriter } from '../observe/logs/log-writer.ts';

/** Thousands of lines: enough for a log collector that pauses. */
const maxQueuedBytes = 1024 * 1024;
const maxBatchBytes = 64 * 1024;

const writeSome = promisify(write);

export class OutputQueue extends Writable {
  /** For colours, which depend on the terminal. */
  readonly isTTY: boolean;
  readonly getColorDepth: () => number;
  readonly #writer: LogWriter;

  /** `lost`: lines were dropped; called once the stream takes lines again. */
  constructor(stream: Writable, lost: (lines: number) => void) {
    super({ decodeStrings: false });
    const terminal = stream as Writable & Partial<WriteStream>;
    this.isTTY = terminal.isTTY === true;
    this.getColorDepth = () => terminal.getColorDepth?.() ?? 1;
    this.#writer = new LogWriter({ target: targetOf(terminal), failed: ignore, recovered: lost, maxQueuedBytes });
  }

  override _write(line: string, _encoding: BufferEncoding, callback: () => void): void {
    this.#writer.write(line);
    callback();
  }

  /** Writes queued lines, for a bounded time. Idempotent. */
  close(): Promise<void> {
    return this.#writer.close();
  }
}

function targetOf(stream: Writable & { readonly fd?: number; readonly isTTY?: boolean }): LogTarget {
  const { fd, isTTY } = stream;
  if (fd === undefined) return streamTarget(stream);
  return isTTY === true ? terminalTarget(fd) : fileTarget(fd);
}

/** Node has made the descriptor of a pipe non-blocking. */
function fileTarget(fd: number): LogTarget {
  return {
    maxBatchBytes,
    write: async (bytes) => (await writeSome(fd, bytes)).bytesWritten,
    writeSync: (bytes) => {
      for (let rest = bytes; rest.length > 0;) rest = rest.subarray(writeSync(fd, rest));
    },
    close: () => Promise.resolve(),
  };
}

/**
 * Node makes the descriptor of a terminal blocking: while the terminal is stopped, a write would
 * hold a thread, and with it the exit of the process. Another descriptor can be non-blocking.
 */
function terminalTarget(fd: number): LogTarget {
  let own: number;
  try {
    const name = process.platform === 'linux' ? `/proc/self/fd/${fd}` : '/dev/tty';
    own = openSync(name, constants.O_WRONLY | constants.O_NOCTTY | constants.O_NONBLOCK);
  } catch {
    // The terminal belongs to another user, as after `su`.
    return fileTarget(fd);
  }
  return {
    ...fileTarget(own),
    close: () => {
      closeSync(own);
      return Promise.resolve();
    },
  };
}

/** A stream without a descriptor buffers what its reader does not take. */
function streamTarget(stream: Writable): LogTarget {
  return {
    maxBatchBytes,
    write: (bytes) =>
      new Promise((resolve, reject) => {
        stream.write(bytes, (error) => {
          if (error) reject(error);
          else resolve(bytes.length);
        });
      }),
    writeSync: (bytes) => {
      stream.write(bytes);
    },
    close: () => Promise.resolve(),
  };
}
