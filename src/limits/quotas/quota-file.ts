// Owns the file in which what was used of quotas outlives the process: a line for each change with the total, the last one counts.
// What a crash leaves of the last line is passed over; when the file has grown it is written anew beside itself and put in its place.
// It is one gateway's: two would each write what they alone know.
import { open, rename, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Clock } from '../../kernel/clock.ts';
import { lockForLife, type ProcessLock } from '../../kernel/files/process-lock.ts';
import { readPrivateFile } from '../../kernel/files/read-private-file.ts';
import { makePrivateDirectory } from '../../kernel/files/state-place.ts';
import type { UsageStore } from './quota-keeper.ts';
import { amountsOf, none, type Resource, resources, usedOf } from './quota.ts';
import type { UsageChange, UsageRecord } from './quota-ledger.ts';

export interface QuotaFileOptions {
  readonly path: string;
  readonly clock: Clock;
  /** A file with more lines than this, and twice as many as there are totals, is written anew. */
  readonly maxLines?: number;
}

const defaultMaxLines = 10_000;
/** Days and months that were over so long ago are over in every zone. */
const keptMs = 35 * 86_400_000;
/** A line takes some 150 bytes, and each key has two. */
const maxFileBytes = 256 * 1024 * 1024;
/** It names keys. */
const fileMode = 0o600;

const inUse =
  'another gateway uses the same state directory, and keeps its quotas there; ' +
  'give this one another (XDG_STATE_HOME), or let them share quotas in Redis (rate_limit.storage)';

export class QuotaFile implements UsageStore {
  readonly #options: QuotaFileOptions;
  readonly #mostLines: number;
  /** By period and key: what the file says. */
  readonly #records = new Map<string, UsageRecord>();
  /** Undefined: to be written anew, for the first time or after a fault that may have left half a line. */
  #handle: FileHandle | undefined = undefined;
  #lines = 0;
  #lock: ProcessLock | undefined = undefined;

  constructor(options: QuotaFileOptions) {
    this.#options = options;
    this.#mostLines = options.maxLines ?? defaultMaxLines;
  }

  /**
   * Only reads: needs no lock and no right to write. Rejects with PrivateFileError when other users may use the file, and with Node's error
   * when it can't be read.
   */
  async load(): Promise<readonly UsageRecord[]> {
    for (const line of (await textOf(this.#options.path)).split('\n')) {
      const record = recordOf(line);
      if (record !== undefined) this.#noted(record);
    }
    return [...this.#records.values()];
  }

  /**
   * Takes the lock, and reads again: another gateway may have written until now. Rejects with what to do while another process has the
   * file, and with Node's error when it can't be read or written.
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
    const crowded = this.#lines > this.#mostLines && this.#lines > 2 * this.#records.size;
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

  /** Use never shrinks: whoever tells of less has forgotten, as under a clock that ran ahead for a while, and learns by the answer. */
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

  /** Atomic: whoever reads finds the file of before or this one, whenever the machine stops. */
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
  // The last lines are the newest: a part of the file would be older than the whole.
  if (bytes.length > maxFileBytes) throw new Error(`${path} has more than ${maxFileBytes} bytes`);
  return bytes.toString('utf8');
}

/** The new name of a file is on the disk when its directory is. */
async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

function nameOf({ key, period }: Pick<UsageRecord, 'key' | 'period'>): string {
  return `${period}\n${key}`;
}

/** What was given back was not used. */
function lineOf({ key, period, used }: UsageRecord): string {
  const [requests, bytes, llmTokens] = resources.map((resource) => Math.max(0, usedOf(resource, used)));
  return `${JSON.stringify({ key, period, requests, bytes, llm_tokens: llmTokens })}\n`;
}

/** Undefined for a line that is not one of ours, or not whole. */
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
