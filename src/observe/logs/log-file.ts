// The log file: rotated to a name with the time when it is too large; backups are deleted when they
// are too old or too many. pino-roll builds on sonic-boom, which log-writer.ts rules out.
import { writeSync } from 'node:fs';
import { mkdir, open, readdir, realpath, rename, stat, unlink, type FileHandle } from 'node:fs/promises';
import { dirname, join, parse } from 'node:path';
import type { Clock } from '../../kernel/clock.ts';
import { ignore } from '../../kernel/ignore.ts';
import type { LogTarget } from './log-writer.ts';

export interface LogFileOptions {
  readonly path: string;
  readonly maxSizeBytes: number;
  readonly maxBackups: number;
  readonly maxAgeMs: number;
  /** Rotation failed, so the file grows beyond its limit. */
  readonly stuck: (error: Error) => void;
  readonly clock: Clock;
}

interface Opened {
  readonly handle: FileHandle;
  /** With symbolic links resolved: backups are created beside it. */
  readonly path: string;
  readonly inode: number;
  /** Devices and pipes are not rotated. */
  readonly regular: boolean;
  sizeBytes: number;
}

const maxBatchBytes = 64 * 1024;
/** Logs contain addresses, so other users may not read them. */
const fileMode = 0o640;
/** How often to check whether another program (logrotate, an operator) has moved the file. */
const lookMs = 1_000;
const pruneMs = 3_600_000;
/** Delay before the next attempt after a failed rotation. */
const stuckMs = 60_000;

export class LogFile implements LogTarget {
  readonly maxBatchBytes: number;
  readonly #options: LogFileOptions;
  readonly #clock: Clock;
  readonly #pruning: NodeJS.Timeout;
  #file: Opened | undefined = undefined;
  #lookedMs = 0;
  #stuckUntilMs = 0;
  #stampMs = 0;

  constructor(options: LogFileOptions) {
    this.#options = options;
    this.#clock = options.clock;
    this.maxBatchBytes = Math.min(maxBatchBytes, options.maxSizeBytes);
    this.#pruning = setInterval(() => void this.#prune(this.#file), Math.min(options.maxAgeMs, pruneMs)).unref();
  }

  async write(bytes: Uint8Array, fresh: boolean): Promise<number> {
    if (fresh) await this.#ready(bytes.length);
    const file = (this.#file ??= await this.#open());
    const { bytesWritten } = await file.handle.write(bytes);
    file.sizeBytes += bytesWritten;
    return bytesWritten;
  }

  writeSync(bytes: Uint8Array): void {
    if (this.#file !== undefined) writeSync(this.#file.handle.fd, bytes);
  }

  /** For tools that have moved the file: opens a new file under its name and closes the old one. */
  async reopen(): Promise<void> {
    await this.#leave();
    this.#file = await this.#open();
  }

  /**
   * Closes a file that was moved or deleted, since an open file keeps its space on the disk. True:
   * no file is open, and the next write opens one.
   */
  async moved(): Promise<boolean> {
    const file = this.#file;
    if (file === undefined) return true;
    this.#lookedMs = this.#clock.wallMs();
    const inode = await stat(file.path).then(({ ino }) => ino, ignore);
    if (inode === file.inode) return false;
    await this.#leave();
    return true;
  }

  async close(): Promise<void> {
    clearInterval(this.#pruning);
    await this.#leave();
  }

  /** Makes the file ready for a batch: detects a moved file, and rotates. */
  async #ready(bytes: number): Promise<void> {
    await this.#look();
    const file = this.#file;
    if (file?.regular !== true || file.sizeBytes === 0 || file.sizeBytes + bytes <= this.#options.maxSizeBytes) return;
    if (this.#clock.wallMs() >= this.#stuckUntilMs) await this.#putAside(file);
  }

  /** Another program may have moved or deleted it. */
  async #look(): Promise<void> {
    if (this.#file !== undefined && this.#clock.wallMs() - this.#lookedMs >= lookMs) await this.moved();
  }

  async #open(): Promise<Opened> {
    const { path } = this.#options;
    // Creates only the last directory: `recursive` never returns where nothing can be created
    // (/proc/x). open() reports the error.
    await mkdir(dirname(path)).catch(ignore);
    const handle = await open(path, 'a', fileMode);
    const about = await handle.stat();
    const file = {
      handle,
      path: await realpath(path),
      inode: about.ino,
      regular: about.isFile(),
      sizeBytes: about.size,
    };
    this.#lookedMs = this.#clock.wallMs();
    await this.#prune(file);
    return file;
  }

  async #leave(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    await file?.handle.close();
  }

  async #putAside(file: Opened): Promise<void> {
    // Two backups never get the same time.
    this.#stampMs = Math.max(this.#clock.wallMs(), this.#stampMs + 1);
    const { dir, name, ext } = parse(file.path);
    try {
      await rename(file.path, join(dir, `${name}-${stampOf(this.#stampMs)}${ext}`));
    } catch (error) {
      this.#stuckUntilMs = this.#clock.wallMs() + stuckMs;
      this.#options.stuck(error as Error);
      return;
    }
    await this.#leave();
    this.#file = await this.#open();
  }

  /** Files that cannot be deleted now are retried later. */
  async #prune(file: Opened | undefined): Promise<void> {
    if (file?.regular !== true) return;
    const { maxBackups, maxAgeMs } = this.#options;
    const { dir, name, ext } = parse(file.path);
    const names = await readdir(dir).catch(() => []);
    const backups = names
      .map((backup) => ({ backup, stampMs: stampMsOf(backup, `${name}-`, ext) }))
      .filter(({ stampMs }) => !Number.isNaN(stampMs))
      .sort((a, b) => b.stampMs - a.stampMs);
    const oldestMs = this.#clock.wallMs() - maxAgeMs;
    for (const [at, { backup, stampMs }] of backups.entries()) {
      if (at >= maxBackups || stampMs < oldestMs) await unlink(join(dir, backup)).catch(ignore);
    }
  }
}

/** ISO 8601, without the colons that file systems and tools reject: `2026-01-02T03-04-05.678Z`. */
function stampOf(ms: number): string {
  return new Date(ms).toISOString().replaceAll(':', '-');
}

/** NaN: not one of our backups. */
function stampMsOf(backup: string, prefix: string, suffix: string): number {
  if (!backup.startsWith(prefix) || !backup.endsWith(suffix)) return NaN;
  const stamp = backup.slice(prefix.length, suffix === '' ? undefined : -suffix.length);
  const parts = /^(\d{4}-\d\d-\d\dT\d\d)-(\d\d)-(\d\d\.\d{3}Z)$/.exec(stamp);
  return parts === null ? NaN : Date.parse(`${parts[1] ?? ''}:${parts[2] ?? ''}:${parts[3] ?? ''}`);
}
