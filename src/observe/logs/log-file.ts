// Owns the log file: when it is too large it is put aside under a name with the time, and what was put aside goes when it is too old or
// too much. Knows nothing of lines but where one begins.
import { writeSync } from 'node:fs';
import { mkdir, open, readdir, realpath, rename, stat, unlink, type FileHandle } from 'node:fs/promises';
import { dirname, join, parse } from 'node:path';
import type { LogTarget } from './log-writer.ts';

export interface LogFileOptions {
  readonly path: string;
  readonly maxSizeBytes: number;
  readonly maxBackups: number;
  readonly maxAgeMs: number;
  /** It can't be put aside, so it grows. */
  readonly stuck: (error: Error) => void;
  readonly nowMs?: () => number;
}

interface Opened {
  readonly handle: FileHandle;
  /** Where symbolic links lead: backups lie beside it. */
  readonly path: string;
  readonly inode: number;
  /** A device or a pipe is not put aside. */
  readonly regular: boolean;
  sizeBytes: number;
}

const maxBatchBytes = 64 * 1024;
/** Logs name addresses: not for every user of the machine. */
const fileMode = 0o640;
/** Whoever took the file away (logrotate, a person) is noticed so soon. */
const lookMs = 1_000;
const pruneMs = 3_600_000;
/** After a fault in putting aside. */
const stuckMs = 60_000;

export class LogFile implements LogTarget {
  readonly maxBatchBytes: number;
  readonly #options: LogFileOptions;
  readonly #nowMs: () => number;
  readonly #pruning: NodeJS.Timeout;
  #file: Opened | undefined = undefined;
  #lookedMs = 0;
  #stuckUntilMs = 0;
  #stampMs = 0;

  constructor(options: LogFileOptions) {
    this.#options = options;
    this.#nowMs = options.nowMs ?? Date.now;
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

  /** For tools that have moved the file away: its name is a new file at once, and the old one is let go of. */
  async reopen(): Promise<void> {
    await this.#leave();
    this.#file = await this.#open();
  }

  /** Closes a file that was moved or deleted: open, it would keep its space on the disk. True: there is none, the next write opens one. */
  async moved(): Promise<boolean> {
    const file = this.#file;
    if (file === undefined) return true;
    this.#lookedMs = this.#nowMs();
    const inode = await stat(file.path).then(
      ({ ino }) => ino,
      () => undefined,
    );
    if (inode === file.inode) return false;
    await this.#leave();
    return true;
  }

  async close(): Promise<void> {
    clearInterval(this.#pruning);
    await this.#leave();
  }

  /** The file that a batch begins in. */
  async #ready(bytes: number): Promise<void> {
    await this.#look();
    const file = this.#file;
    if (file?.regular !== true || file.sizeBytes === 0 || file.sizeBytes + bytes <= this.#options.maxSizeBytes) return;
    if (this.#nowMs() >= this.#stuckUntilMs) await this.#putAside(file);
  }

  /** Somebody may have moved or deleted it. */
  async #look(): Promise<void> {
    if (this.#file !== undefined && this.#nowMs() - this.#lookedMs >= lookMs) await this.moved();
  }

  async #open(): Promise<Opened> {
    const { path } = this.#options;
    // Its directory, not all above it: `recursive` never ends where nothing can be made (/proc/x). What fails, open() tells.
    await mkdir(dirname(path)).catch(() => undefined);
    const handle = await open(path, 'a', fileMode);
    const about = await handle.stat();
    const file = {
      handle,
      path: await realpath(path),
      inode: about.ino,
      regular: about.isFile(),
      sizeBytes: about.size,
    };
    this.#lookedMs = this.#nowMs();
    await this.#prune(file);
    return file;
  }

  async #leave(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    await file?.handle.close();
  }

  async #putAside(file: Opened): Promise<void> {
    // No two of one millisecond.
    this.#stampMs = Math.max(this.#nowMs(), this.#stampMs + 1);
    const { dir, name, ext } = parse(file.path);
    try {
      await rename(file.path, join(dir, `${name}-${stampOf(this.#stampMs)}${ext}`));
    } catch (error) {
      this.#stuckUntilMs = this.#nowMs() + stuckMs;
      this.#options.stuck(error as Error);
      return;
    }
    await this.#leave();
    this.#file = await this.#open();
  }

  /** What can't be deleted now is tried again. */
  async #prune(file: Opened | undefined): Promise<void> {
    if (file?.regular !== true) return;
    const { maxBackups, maxAgeMs } = this.#options;
    const { dir, name, ext } = parse(file.path);
    const names = await readdir(dir).catch(() => []);
    const backups = names
      .map((backup) => ({ backup, stampMs: stampMsOf(backup, `${name}-`, ext) }))
      .filter(({ stampMs }) => !Number.isNaN(stampMs))
      .sort((a, b) => b.stampMs - a.stampMs);
    const oldestMs = this.#nowMs() - maxAgeMs;
    for (const [at, { backup, stampMs }] of backups.entries()) {
      if (at >= maxBackups || stampMs < oldestMs) await unlink(join(dir, backup)).catch(() => undefined);
    }
  }
}

/** ISO 8601, without what file systems and tools mind: `2026-01-02T03-04-05.678Z`. */
function stampOf(ms: number): string {
  return new Date(ms).toISOString().replaceAll(':', '-');
}

/** NaN: no backup of ours. */
function stampMsOf(backup: string, prefix: string, suffix: string): number {
  if (!backup.startsWith(prefix) || !backup.endsWith(suffix)) return NaN;
  const stamp = backup.slice(prefix.length, suffix === '' ? undefined : -suffix.length);
  const parts = /^(\d{4}-\d\d-\d\dT\d\d)-(\d\d)-(\d\d\.\d{3}Z)$/.exec(stamp);
  return parts === null ? NaN : Date.parse(`${parts[1] ?? ''}:${parts[2] ?? ''}:${parts[3] ?? ''}`);
}
