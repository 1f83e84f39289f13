// Owns when each key was used last, to the minute: noted in memory, written beside the keys file now and then. Losing it loses no key.
import { readFile } from 'node:fs/promises';
import { replaceFile } from './write-file.ts';

/** Coarse on purpose: a write for each request would cost more than what is known by it. */
const defaultEveryMs = 60_000;

export function lastUsedFile(keysFile: string): string {
  return `${keysFile}.used`;
}

/** Id -> milliseconds since 1970. Empty where there is no such file, or where it is of no use. */
export async function readLastUsed(keysFile: string): Promise<Map<string, number>> {
  try {
    const content: unknown = JSON.parse(await readFile(lastUsedFile(keysFile), 'utf8'));
    if (typeof content !== 'object' || content === null) return new Map();
    const times = Object.entries(content).map(([id, time]) => [id, Date.parse(String(time))] as const);
    return new Map(times.filter(([, ms]) => !Number.isNaN(ms)));
  } catch {
    return new Map();
  }
}

export class LastUsed {
  readonly #keysFile: string;
  /** The keys that there are: of others nothing is kept. */
  readonly #ids: () => ReadonlySet<string>;
  readonly #failed: (error: unknown) => void;
  readonly #timer: NodeJS.Timeout;
  /** Since the last writing. */
  readonly #noted = new Map<string, number>();
  #writing: Promise<void> = Promise.resolve();
  #told = false;

  constructor(options: {
    readonly keysFile: string;
    readonly ids: () => ReadonlySet<string>;
    /** Told once, until it works again. */
    readonly failed: (error: unknown) => void;
    readonly everyMs?: number;
  }) {
    this.#keysFile = options.keysFile;
    this.#ids = options.ids;
    this.#failed = options.failed;
    this.#timer = setInterval(() => void this.flush(), options.everyMs ?? defaultEveryMs).unref();
  }

  /** On the way of every request. */
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
    const noted = new Map(this.#noted);
    this.#noted.clear();
    // Other gateways may write the same file: the later time counts.
    const times = await readLastUsed(this.#keysFile);
    for (const [id, ms] of noted) times.set(id, Math.max(ms, times.get(id) ?? 0));
    const kept = [...times].filter(([id]) => ids.has(id)).sort(([a], [b]) => (a < b ? -1 : 1));
    const content = Object.fromEntries(kept.map(([id, ms]) => [id, new Date(ms).toISOString()]));
    try {
      await replaceFile(lastUsedFile(this.#keysFile), `${JSON.stringify(content, undefined, 1)}\n`);
      this.#told = false;
    } catch (error) {
      if (!this.#told) this.#failed(error);
      this.#told = true;
    }
  }
}
