// Owns when to load again: SIGHUP, a change of one of the files, or when asked. Loads one at a time and hands over each result; what
// becomes of it is the caller's. A result with faults changes nothing.
import { type FSWatcher, watch } from 'node:fs';
import { realpath } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import process from 'node:process';
import type { LoadResult } from './load.ts';

export type ReloadReason = 'signal' | 'file' | 'request';

export interface WatchOptions {
  /** Of the result in use: files that are watched from the beginning. */
  readonly files: readonly string[];
  load(signal: AbortSignal): Promise<LoadResult>;
  /** Called for each result, one after the other. */
  apply(result: LoadResult, reason: ReloadReason): void | Promise<void>;
  /** A file can't be watched (its directory is gone, or the system watches too many): SIGHUP still works. */
  unwatched?(directory: string, error: unknown): void;
  /** Where SIGHUP is heard. */
  readonly signals?: Pick<NodeJS.EventEmitter, 'on' | 'off'>;
  readonly debounceMs?: number;
}

export interface ConfigWatch {
  /** Loads again; resolves when the result has been applied. Rejects only with what `apply` throws. */
  reload(): Promise<void>;
  /** Idempotent. A load under way is aborted and its result dropped. */
  close(): void;
}

/** Editors and Kubernetes do one change in several steps. */
const defaultDebounceMs = 100;
/** Kubernetes swaps this link, and with it all files of a volume at once (AtomicWriter). */
const kubernetesLink = '..data';
/** More directories than this hold no one's configuration. */
const mostDirectories = 64;

export async function watchConfig(options: WatchOptions): Promise<ConfigWatch> {
  const watching = new ConfigWatching(options);
  await watching.follow(options.files);
  return watching;
}

class ConfigWatching implements ConfigWatch {
  readonly #options: WatchOptions;
  readonly #signals: Pick<NodeJS.EventEmitter, 'on' | 'off'>;
  readonly #closed = new AbortController();
  /** Directory -> its watcher, and the names in it that matter. */
  readonly #directories = new Map<string, { readonly watcher: FSWatcher; names: ReadonlySet<string> }>();
  #timer: NodeJS.Timeout | undefined = undefined;
  #working: Promise<void> = Promise.resolve();
  /** The load that has not begun yet. */
  #waiting: Promise<void> | undefined = undefined;
  readonly #onSignal = (): void => {
    void this.#enqueue('signal').catch(() => undefined);
  };

  constructor(options: WatchOptions) {
    this.#options = options;
    this.#signals = options.signals ?? process;
    this.#signals.on('SIGHUP', this.#onSignal);
  }

  reload(): Promise<void> {
    return this.#enqueue('request');
  }

  close(): void {
    if (this.#closed.signal.aborted) return;
    this.#closed.abort();
    this.#signals.off('SIGHUP', this.#onSignal);
    clearTimeout(this.#timer);
    for (const { watcher } of this.#directories.values()) watcher.close();
    this.#directories.clear();
  }

  /** Watches directories, not files: a file that is replaced is another file. Links are watched at both ends. */
  async follow(files: readonly string[]): Promise<void> {
    const wanted = new Map<string, Set<string>>();
    for (const file of files) {
      const target = await realpath(file).catch(() => file);
      for (const path of [file, target]) {
        const directory = dirname(path);
        if (wanted.size >= mostDirectories && !wanted.has(directory)) continue;
        const names = wanted.get(directory) ?? new Set([kubernetesLink]);
        wanted.set(directory, names.add(basename(path)));
      }
    }
    if (this.#closed.signal.aborted) return;
    for (const [directory, { watcher }] of this.#directories) {
      if (wanted.has(directory)) continue;
      watcher.close();
      this.#directories.delete(directory);
    }
    for (const [directory, names] of wanted) this.#watch(directory, names);
  }

  #watch(directory: string, names: ReadonlySet<string>): void {
    const known = this.#directories.get(directory);
    if (known !== undefined) {
      known.names = names;
      return;
    }
    try {
      const watcher = watch(directory, { persistent: false });
      const entry = { watcher, names };
      watcher.on('change', (_, name: string | Buffer | null) => {
        // No name: the system does not say which.
        if (name === null || entry.names.has(String(name))) this.#changed();
      });
      watcher.on('error', (error) => {
        this.#lost(directory, error);
      });
      this.#directories.set(directory, entry);
    } catch (error) {
      this.#lost(directory, error);
    }
  }

  #lost(directory: string, error: unknown): void {
    this.#directories.get(directory)?.watcher.close();
    this.#directories.delete(directory);
    this.#options.unwatched?.(directory, error);
  }

  #changed(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      void this.#enqueue('file').catch(() => undefined);
    }, this.#options.debounceMs ?? defaultDebounceMs);
    this.#timer.unref();
  }

  /** One after the other. What waits already will see the newest files: no second one needs to wait. */
  #enqueue(reason: ReloadReason): Promise<void> {
    if (this.#waiting !== undefined) return this.#waiting;
    const turn = this.#working.then(() => {
      this.#waiting = undefined;
      return this.#load(reason);
    });
    this.#waiting = turn;
    this.#working = turn.catch(() => undefined);
    return turn;
  }

  async #load(reason: ReloadReason): Promise<void> {
    const closed = (): boolean => this.#closed.signal.aborted;
    if (closed()) return;
    const result = await this.#options.load(this.#closed.signal);
    if (closed()) return;
    await this.follow(result.files);
    await this.#options.apply(result, reason);
  }
}
