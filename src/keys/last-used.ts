// Records when each key was last used, to the minute: in memory, and written beside the keys file
// at intervals. Losing the record loses no key.
import { readBeginning } from '../kernel/read-beginning.ts';
import { Slices, type Steps } from '../kernel/work/slices.ts';
import { replaceFile } from './write-file.ts';

/** Coarse on purpose: a write per request would cost more than the precision is worth. */
const defaultEveryMs = 60_000;

export function lastUsedFile(keysFile: string): string {
  return `${keysFile}.used`;
}

/** The limit of a keys file, whose entries are longer. */
const maxFileBytes = 64 * 1024 * 1024;

/** Id -> milliseconds since 1970. Empty when the file is missing or unusable. */
export async function readLastUsed(keysFile: string): Promise<Map<string, number>> {
  try {
    const json = await readBeginning(lastUsedFile(keysFile), maxFileBytes);
    return await new Slices().run(timesIn(json.toString('utf8')));
  } catch {
    return new Map();
  }
}

/** `"id": "time"`. Neither contains a character that JSON escapes. */
const entryForm = /"([^"\\]{1,64})"\s*:\s*"([^"\\]{1,40})"/g;

/**
 * Reads a JSON object entry by entry: JSON.parse would block the event loop in proportion to the
 * number of keys.
 */
function* timesIn(json: string): Steps<Map<string, number>> {
  const times = new Map<string, number>();
  for (const [, id = '', time = ''] of json.matchAll(entryForm)) {
    const ms = Date.parse(time);
    if (!Number.isNaN(ms)) times.set(id, ms);
    yield;
  }
  return times;
}

/** The later time of each existing key: other gateways may write the same file. */
function* merged(
  kept: ReadonlyMap<string, number>,
  noted: ReadonlyMap<string, number>,
  ids: ReadonlySet<string>,
): Steps<string> {
  const entries: string[] = [];
  for (const id of ids) {
    yield;
    const ms = Math.max(kept.get(id) ?? 0, noted.get(id) ?? 0);
    if (ms > 0) entries.push(`\n ${JSON.stringify(id)}: "${new Date(ms).toISOString()}"`);
  }
  return `{${entries.join(',')}\n}\n`;
}

export class LastUsed {
  readonly #keysFile: string;
  /** Existing keys; times of other keys are dropped. */
  readonly #ids: () => ReadonlySet<string>;
  readonly #failed: (error: unknown) => void;
  readonly #timer: NodeJS.Timeout;
  /** Uses since the last write. */
  #noted = new Map<string, number>();
  #writing: Promise<void> = Promise.resolve();
  #reported = false;

  constructor(options: {
    readonly keysFile: string;
    readonly ids: () => ReadonlySet<string>;
    /** Called once until a write succeeds. */
    readonly failed: (error: unknown) => void;
    readonly everyMs?: number;
  }) {
    this.#keysFile = options.keysFile;
    this.#ids = options.ids;
    this.#failed = options.failed;
    this.#timer = setInterval(() => void this.flush(), options.everyMs ?? defaultEveryMs).unref();
  }

  /** Called for every request. */
  note(id: string, wallMs: number): void {
    this.#noted.set(id, wallMs);
  }

  /** Never rejects. */
  flush(): Promise<void> {
    this.#writing = this.#writing.then(() => this.#write());
    return this.#writing;
  }

  /** Idempotent. */
  close(): Promise<void> {
    clearInterval(this.#timer);
    return this.flush();
  }

  async #write(): Promise<void> {
    if (this.#noted.size === 0) return;
    const ids = this.#ids();
    const noted = this.#noted;
    this.#noted = new Map();
    const kept = await readLastUsed(this.#keysFile);
    const json = await new Slices().run(merged(kept, noted, ids));
    try {
      await replaceFile(lastUsedFile(this.#keysFile), json);
      this.#reported = false;
    } catch (error) {
      if (!this.#reported) this.#failed(error);
      this.#reported = true;
    }
  }
}
