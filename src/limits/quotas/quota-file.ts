// The file that persists quota usage: one line per change with the new total, and the last line
// counts. A last line cut off by a crash is skipped; a file that has grown is rewritten and
// replaced atomically. Only one gateway may use the file: two would overwrite each other's totals.
import { open, rename, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Clock } from '../../kernel/clock.ts';
import { lockForLife, type ProcessLock } from '../../kernel/files/process-lock.ts';
import { syncDirectory } from '../../kernel/files/sync-directory.ts';
import { readPrivateFile } from '../../kernel/files/read-private-file.ts';
import { makePrivateDirectory } from '../../kernel/files/state-place.ts';
import type { UsageStore } from './quota-keeper.ts';
import { amountsOf, none, type Resource, resources, usedOf } from './quota.ts';
import type { UsageChange, UsageRecord } from './quota-ledger.ts';

export interface QuotaFileOptions {
  readonly path: string;
  readonly clock: Clock;
  /**
   * The file is rewritten when it has more lines than this, and more than twice as many as totals.
   */
  readonly maxLines?: number;
}

const defaultMaxLines = 10_000;
/** Periods that ended this long ago are over in every zone. */
const keptMs = 35 * 86_400_000;
/** A line takes about 150 bytes, and each key has two. */
const maxFileBytes = 256 * 1024 * 1024;
/** Owner only: the file names keys. */
const fileMode = 0o600;

const inUse =
  'another gateway stores its quotas in the same state directory; ' +
  'set XDG_STATE_HOME to another directory, or share quotas through Redis (rate_limit.storage)';

export class QuotaFile implements UsageStore {
  readonly #options: QuotaFileOptions;
  readonly #maxLines: number;
  /** By period and key: the content of the file. */
  readonly #records = new Map<string, UsageRecord>();
  /**
   * Undefined when the file must be rewritten: before the first write, or after an error that may
   * have left half a line.
   */
  #handle: FileHandle | undefined = undefined;
  #lines = 0;
  #lock: ProcessLock | undefined = undefined;

  constructor(options: QuotaFileOptions) {
    this.#options = options;
    this.#maxLines = options.maxLines ?? defaultMaxLines;
  }

  /**
   * Only reads, so it needs neither the lock nor write permission. Rejects with PrivateFileError
   * when other users may access the file, and with Node's error when it cannot be read.
   */
  async load(): Promise<readonly UsageRecord[]> {
    for (const line of (await textOf(this.#options.path)).split('\n')) {
      const record = recordOf(line);
      if (record !== undefined) this.#noted(record);
    }
    return [...this.#records.values()];
  }

  /**
   * Takes the lock and reads again, because another gateway may have written in the meantime.
   * Rejects with a remedy while another process has the file, and with Node's error when it cannot
   * be read or written.
   */
  async prepare(): Promise<readonly UsageRecord[]> {
    const { path } = this.#options;
    await makePrivateDirectory(dirname(path));
    this.#lock ??= await lockForLife(`${path}.lock`);
    if (this.#lock === undefined) throw new Error(inUse);
    const records = await this.load();
    await this.#rewrite();
    return records;
  }

  async save(batch: readonly UsageChange[]): Promise<readonly UsageRecord[]> {
    const records = batch.map((change) => this.#noted(change));
    const crowded = this.#lines > this.#maxLines && this.#lines > 2 * this.#records.size;
    if (this.#handle === undefined || crowded) await this.#rewrite();
    else await this.#append(this.#handle, records);
    return records;
  }

  async close(): Promise<void> {
    await this.#closeFile();
    this.#lock?.release();
    this.#lock = undefined;
  }

  async #closeFile(): Promise<void> {
    const handle = this.#handle;
    this.#handle = undefined;
    await handle?.close();
  }

  /**
   * Usage never decreases: a lower value comes from a ledger that lost counts, for example after a
   * clock that ran ahead for a while. The returned total corrects it.
   */
  #noted({ key, period, used }: UsageRecord): UsageRecord {
    const name = nameOf({ key, period });
    const before = this.#records.get(name)?.used ?? none;
    const record = { key, period, used: amountsOf((count) => Math.max(used[count], before[count])) };
    this.#records.set(name, record);
    return record;
  }

  async #append(handle: FileHandle, records: readonly UsageRecord[]): Promise<void> {
    try {
      await handle.appendFile(records.map(lineOf).join(''));
      await handle.datasync();
      this.#lines += records.length;
    } catch (error) {
      await this.#closeFile();
      throw error;
    }
  }

  /** Atomic: readers find the old or the new file, even after a crash. */
  async #rewrite(): Promise<void> {
    const { path, clock } = this.#options;
    const over = new Date(clock.wallMs() - keptMs).toISOString();
    for (const [name, { period }] of this.#records) {
      if (period < over.slice(0, period.length)) this.#records.delete(name);
    }
    const draft = `${path}.new`;
    const handle = await open(draft, 'w', fileMode);
    try {
      await handle.appendFile(Array.from(this.#records.values(), lineOf).join(''));
      await handle.datasync();
      await rename(draft, path);
      await syncDirectory(dirname(path));
    } catch (error) {
      await handle.close();
      throw error;
    }
    await this.#closeFile();
    this.#handle = handle;
    this.#lines = this.#records.size;
  }
}

async function textOf(path: string): Promise<string> {
  const bytes = await readPrivateFile(path, { kind: 'secret', maxBytes: maxFileBytes + 1 });
  if (bytes === undefined) return '';
  // The newest lines are last, so reading only a part would yield outdated totals.
  if (bytes.length > maxFileBytes) throw new Error(`${path} has more than ${maxFileBytes} bytes`);
  return bytes.toString('utf8');
}

function nameOf({ key, period }: Pick<UsageRecord, 'key' | 'period'>): string {
  return `${period}\n${key}`;
}

/** Refunded requests do not count as used. */
function lineOf({ key, period, used }: UsageRecord): string {
  const [requests, bytes, llmTokens] = resources.map((resource) => Math.max(0, usedOf(resource, used)));
  return `${JSON.stringify({ key, period, requests, bytes, llm_tokens: llmTokens })}\n`;
}

/** Undefined for a line that is foreign or incomplete. */
function recordOf(line: string): UsageRecord | undefined {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  const { key, period, requests, bytes, llm_tokens: llmTokens } = value as Record<string, unknown>;
  if (typeof key !== 'string' || typeof period !== 'string' || !/^\d{4}-\d\d(?:-\d\d)?$/.test(period)) return undefined;
  const used = { requests, bytes, llmTokens };
  return isUse(used) ? { key, period, used: { ...used, returned: 0 } } : undefined;
}

function isUse(used: Record<Resource, unknown>): used is Record<Resource, number> {
  return Object.values(used).every((amount) => Number.isSafeInteger(amount) && Number(amount) >= 0);
}
