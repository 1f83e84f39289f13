// Queues log lines and writes them in batches without blocking requests. Drops and counts lines
// that arrive faster than they can be written. Independent of the format and the target.
// Not sonic-boom (pino's): 2 times the CPU per line to a file, 4 times or more to a pipe (it waits
// 100 ms for a full one). On a full disk it tries again with each line, and behind a reader that
// stalls its end() never completes. It neither rotates files nor writes a torn line again.
import process from 'node:process';
import { logDropped, type LogDropped } from '../../kernel/events.ts';

export interface LogTarget {
  readonly maxBatchBytes: number;
  /**
   * Writes at least one byte and returns the number written. `fresh`: the bytes begin with a new
   * line. Throws Node's error.
   */
  write(bytes: Uint8Array, fresh: boolean): Promise<number>;
  /** For the exit of the process. Throws Node's error. */
  writeSync(bytes: Uint8Array): void;
  /** Opens the target again by its name. Throws Node's error; the next write tries again. */
  reopen?(): Promise<void>;
  /**
   * Called after a failed write. True: earlier writes went to another place than the next one will,
   * for example because the file was deleted.
   */
  moved?(): Promise<boolean>;
  close(): Promise<void>;
}

export interface LogWriterOptions {
  readonly target: LogTarget;
  /** Writing fails and will be retried. Called once for each outage. */
  readonly failed: (error: Error) => void;
  /** Writing works again; `lostLines` were dropped in the meantime. */
  readonly recovered: (lostLines: number) => void;
  readonly maxQueuedBytes?: number;
  readonly retryMs?: number;
}

/** About 10,000 lines: a second of a busy gateway. */
const defaultMaxQueuedBytes = 4 * 1024 * 1024;
const defaultRetryMs = 1_000;
/** How long a line may wait for a batch to fill: a write costs 250 us of CPU, whatever its size. */
const gatherMs = 50;
/**
 * Retry delay for a full pipe, doubling between these bounds: a pipe that is being read is empty
 * again soon.
 */
const shortestFullMs = 1;
const maxFullMs = 64;
/** How long close() may write queued lines. */
const closeGraceMs = 1_000;
const newline = 0x0a;

export class LogWriter {
  readonly #options: LogWriterOptions;
  readonly #target: LogTarget;
  #lines: string[] = [];
  #queuedBytes = 0;
  /** The part of the batch that is neither written nor handed to the system. */
  #rest: Uint8Array = Buffer.alloc(0);
  #lost = 0;
  #failing = false;
  #fullMs = shortestFullMs;
  #timer: NodeJS.Timeout | undefined = undefined;
  #writing: Promise<void> | undefined = undefined;
  #closed: Promise<void> | undefined = undefined;
  #givenUp = false;
  #reopening = false;

  constructor(options: LogWriterOptions) {
    this.#options = options;
    this.#target = options.target;
    process.on('exit', this.#exit);
  }

  /** `line` includes its line feed. Never blocks, never throws. */
  write(line: string): void {
    if (this.#queuedBytes + line.length > (this.#options.maxQueuedBytes ?? defaultMaxQueuedBytes) || this.#givenUp) {
      this.#lost += 1;
      if (logDropped.hasSubscribers) logDropped.publish({ lines: 1 } satisfies LogDropped);
      return;
    }
    this.#lines.push(line);
    this.#queuedBytes += line.length;
    if (this.#writing !== undefined) return;
    if (this.#queuedBytes >= this.#target.maxBatchBytes) this.#gathered();
    else this.#timer ??= setTimeout(this.#gathered, gatherMs).unref();
  }

  /** Opens the target again after the current batch, so that no line is split between two files. */
  reopen(): void {
    if (this.#closed !== undefined || this.#target.reopen === undefined) return;
    this.#reopening = true;
    this.#writing ??= this.#writeAll();
  }

  /** Writes queued lines, for a bounded time. Idempotent. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    this.#gathered();
    const { promise: grace, resolve } = Promise.withResolvers<undefined>();
    const timer = setTimeout(() => {
      this.#givenUp = true;
      resolve(undefined);
    }, closeGraceMs);
    await Promise.race([this.#end(), grace]);
    clearTimeout(timer);
  }

  async #end(): Promise<void> {
    await this.#writing;
    this.#givenUp = true;
    process.off('exit', this.#exit);
    await this.#target.close();
  }

  readonly #gathered = (): void => {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#lines.length > 0) this.#writing ??= this.#writeAll();
  };

  async #writeAll(): Promise<void> {
    while ((this.#lines.length > 0 || this.#reopening) && !this.#givenUp) {
      if (this.#reopening) await this.#reopenTarget();
      else await this.#writeBatch();
    }
    // Reset synchronously, or a line that arrives now would never be written.
    this.#writing = undefined;
  }

  async #reopenTarget(): Promise<void> {
    this.#reopening = false;
    try {
      await this.#target.reopen?.();
    } catch (error) {
      if (!this.#failing) this.#options.failed(error as Error);
      this.#failing = true;
    }
  }

  async #writeBatch(): Promise<void> {
    const batch = this.#takeBatch();
    this.#rest = batch;
    let fresh = true;
    do {
      if (await this.#writeSome(fresh)) fresh = false;
      else fresh = await this.#failedAt(batch, fresh);
    } while (this.#rest.length > 0 && !this.#givenUp);
  }

  /**
   * A full disk usually accepts part of a batch first, and an open file keeps its space after it
   * was deleted. So a file that was moved or deleted is abandoned in the middle of a line, and the
   * next file gets the whole line. Returns `fresh` for the next write.
   */
  async #failedAt(batch: Uint8Array, fresh: boolean): Promise<boolean> {
    const elsewhere = !fresh && (await this.#target.moved?.()) === true;
    if (this.#reopening) await this.#reopenTarget();
    if (!elsewhere) return fresh;
    const written = batch.length - this.#rest.length;
    this.#rest = batch.subarray(batch.lastIndexOf(newline, written - 1) + 1);
    this.#queuedBytes += this.#rest.length - (batch.length - written);
    return true;
  }

  /** False: nothing could be written, and the retry delay has passed. */
  async #writeSome(fresh: boolean): Promise<boolean> {
    const batch = this.#rest;
    this.#rest = batch.subarray(batch.length);
    let written: number;
    try {
      written = await this.#target.write(batch, fresh);
    } catch (error) {
      this.#rest = batch;
      await this.#pause(error as NodeJS.ErrnoException);
      return false;
    }
    this.#rest = batch.subarray(written);
    this.#queuedBytes -= written;
    this.#failing = false;
    this.#fullMs = shortestFullMs;
    if (this.#lost > 0) {
      const lost = this.#lost;
      this.#lost = 0;
      this.#options.recovered(lost);
    }
    return true;
  }

  async #pause(error: NodeJS.ErrnoException): Promise<void> {
    let pauseMs = this.#options.retryMs ?? defaultRetryMs;
    if (error.code === 'EAGAIN') {
      pauseMs = this.#fullMs;
      this.#fullMs = Math.min(maxFullMs, 2 * pauseMs);
    } else if (!this.#failing) {
      this.#failing = true;
      this.#options.failed(error);
    }
    await new Promise((resolve) => setTimeout(resolve, pauseMs).unref());
  }

  #takeBatch(): Uint8Array {
    const { maxBatchBytes } = this.#target;
    let count = 0;
    let length = 0;
    for (const line of this.#lines) {
      if (count > 0 && length + line.length > maxBatchBytes) break;
      count += 1;
      length += line.length;
    }
    const batch = Buffer.from(this.#lines.splice(0, count).join(''));
    this.#queuedBytes += batch.length - length;
    return batch;
  }

  /**
   * The process exits without close(): a crash, or a second signal. The system completes writes
   * that it has accepted.
   */
  readonly #exit = (): void => {
    try {
      this.#target.writeSync(Buffer.concat([this.#rest, Buffer.from(this.#lines.join(''))]));
    } catch {
      // There is no place left to report the error.
    }
  };
}
