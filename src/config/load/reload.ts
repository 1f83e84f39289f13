// Owns when to load again: SIGHUP, a change of one of the files, or when asked. Loads one at a time and hands over each result; what
// becomes of it is the caller's. How changes of files are noticed is watched-directories.ts.
import process from 'node:process';
import type { LoadResult } from './load.ts';
import type { SeenFiles } from '../source/seen-files.ts';
import { WatchedDirectories } from '../source/watched-directories.ts';

export type ReloadReason = 'signal' | 'file' | 'request';

/** What was loaded, and the files that this was from. */
interface Watchable {
  readonly files: SeenFiles;
}

export interface WatchOptions<R extends Watchable = LoadResult> {
  /** Of the result in use. */
  readonly files: SeenFiles;
  load(signal: AbortSignal): Promise<R>;
  /** Called for each result, one after the other. */
  apply(result: R, reason: ReloadReason): void | Promise<void>;
  /** Loading or applying threw, which neither is meant to do. */
  failed(error: unknown): void;
  /** Changes in a directory will be noticed later than others: it is not there, or the system watches too many. */
  unwatched?(directory: string, error: unknown): void;
  /** Where SIGHUP is heard. */
  readonly signals?: Pick<NodeJS.EventEmitter, 'on' | 'off'>;
  readonly debounceMs?: number;
  readonly lookEveryMs?: number;
}

export interface ConfigWatch {
  /** Loads again; resolves when the result has been applied. Rejects with what load or apply throws. */
  reload(): Promise<void>;
  /** Idempotent. A load under way is aborted and its result dropped. */
  close(): void;
}

/** Editors and Kubernetes do one change in several steps. */
const defaultDebounceMs = 100;
/** For a file that never comes to rest. */
const maxDebounceMs = 1000;
/** File systems that tell nothing (those of other machines), and directories that were replaced. */
const defaultLookEveryMs = 10_000;

/** The configuration; or another thing that is loaded from files. */
export async function watchConfig<R extends Watchable>(options: WatchOptions<R>): Promise<ConfigWatch> {
  const watching = new ConfigWatching(options);
  await watching.follow(options.files);
  return watching;
}

/** A load that has not begun. */
interface Turn {
  reason: ReloadReason;
  readonly done: Promise<void>;
}

class ConfigWatching<R extends Watchable> implements ConfigWatch {
  readonly #options: WatchOptions<R>;
  readonly #signals: Pick<NodeJS.EventEmitter, 'on' | 'off'>;
  readonly #closed = new AbortController();
  readonly #directories: WatchedDirectories;
  readonly #lookout: NodeJS.Timeout;
  #files: SeenFiles;
  #timer: NodeJS.Timeout | undefined = undefined;
  #firstChangeMs = 0;
  #working: Promise<void> = Promise.resolve();
  #waiting: Turn | undefined = undefined;

  constructor(options: WatchOptions<R>) {
    this.#options = options;
    this.#files = options.files;
    this.#directories = new WatchedDirectories(this.#changed, (directory, error) => {
      options.unwatched?.(directory, error);
    });
    this.#signals = options.signals ?? process;
    this.#signals.on('SIGHUP', this.#onSignal);
    this.#lookout = setInterval(this.#onLook, options.lookEveryMs ?? defaultLookEveryMs).unref();
  }

  reload(): Promise<void> {
    return this.#enqueue('request');
  }

  close(): void {
    if (this.#closed.signal.aborted) return;
    this.#closed.abort();
    this.#signals.off('SIGHUP', this.#onSignal);
    clearTimeout(this.#timer);
    clearInterval(this.#lookout);
    this.#directories.close();
  }

  async follow(files: SeenFiles): Promise<void> {
    this.#files = files;
    await this.#directories.follow(files.paths);
    // What happened before the watching began.
    if (await files.changed()) this.#changed();
  }

  readonly #onSignal = (): void => {
    this.#enqueue('signal').catch(this.#failed);
  };

  readonly #onLook = (): void => {
    this.#enqueue('file').catch(this.#failed);
  };

  readonly #failed = (error: unknown): void => {
    this.#options.failed(error);
  };

  readonly #changed = (): void => {
    if (this.#closed.signal.aborted) return;
    const nowMs = performance.now();
    if (this.#timer === undefined) this.#firstChangeMs = nowMs;
    clearTimeout(this.#timer);
    const leftMs = this.#firstChangeMs + maxDebounceMs - nowMs;
    const rest = (): void => {
      this.#timer = undefined;
      this.#onLook();
    };
    this.#timer = setTimeout(rest, Math.min(this.#options.debounceMs ?? defaultDebounceMs, leftMs)).unref();
  };

  /** One after the other. What waits already will see the newest files: no second one needs to wait. */
  #enqueue(reason: ReloadReason): Promise<void> {
    const waiting = this.#waiting;
    if (waiting !== undefined) {
      // Who asks gets a load, whether files have changed or not.
      if (waiting.reason === 'file') waiting.reason = reason;
      return waiting.done;
    }
    const done = this.#working.then(() => {
      this.#waiting = undefined;
      return this.#load(turn.reason);
    });
    const turn: Turn = { reason, done };
    this.#waiting = turn;
    this.#working = done.catch(() => undefined);
    return done;
  }

  async #load(reason: ReloadReason): Promise<void> {
    const closed = (): boolean => this.#closed.signal.aborted;
    if (closed() || (reason === 'file' && !(await this.#files.changed()))) return;
    const result = await this.#options.load(this.#closed.signal).catch((error: unknown) => {
      // Aborted by close(), most likely.
      if (!closed()) throw error;
    });
    if (closed() || result === undefined) return;
    await this.follow(result.files);
    if (!closed()) await this.#options.apply(result, reason);
  }
}
