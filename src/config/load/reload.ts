// Decides when to reload: on SIGHUP, when a file changes, or on request. Loads one at a time and
// passes each result to the caller. watched-directories.ts detects the changes.
import process from 'node:process';
import { ignore } from '../../kernel/ignore.ts';
import { type Clock, systemClock } from '../../kernel/clock.ts';
import type { LoadResult } from './load.ts';
import type { SeenFiles } from '../source/seen-files.ts';
import { WatchedDirectories } from '../source/watched-directories.ts';

export type ReloadReason = 'signal' | 'file' | 'request';

/** A result, and the files that it was loaded from. */
interface Watchable {
  readonly files: SeenFiles;
}

export interface WatchOptions<R extends Watchable = LoadResult> {
  /** The files of the result in use. */
  readonly files: SeenFiles;
  load(signal: AbortSignal): Promise<R>;
  /** Called for each result, one at a time. */
  apply(result: R, reason: ReloadReason): void | Promise<void>;
  /** Called when load or apply throws, which neither should. */
  failed(error: unknown): void;
  /**
   * Called for a directory that does not exist, or that the system cannot watch. Changes in it are
   * noticed later, by polling.
   */
  unwatched?(directory: string, error: unknown): void;
  /** The emitter of SIGHUP. */
  readonly signals?: Pick<NodeJS.EventEmitter, 'on' | 'off'>;
  readonly clock?: Clock;
  readonly debounceMs?: number;
  readonly lookEveryMs?: number;
}

export interface ConfigWatch {
  /**
   * Loads again; resolves when the result has been applied. Rejects with the error of load or
   * apply.
   */
  reload(): Promise<void>;
  /** Idempotent. Aborts a load in progress and drops its result. */
  close(): void;
}

/** Editors and Kubernetes make one change in several steps. */
const defaultDebounceMs = 100;
/** For a file that keeps changing. */
const maxDebounceMs = 1000;
/** For file systems without change events (network file systems), and for replaced directories. */
const defaultLookEveryMs = 10_000;

/** Watches the configuration, or anything else that is loaded from files. */
export async function watchConfig<R extends Watchable>(options: WatchOptions<R>): Promise<ConfigWatch> {
  const watching = new ConfigWatching(options);
  await watching.follow(options.files);
  return watching;
}

/** A queued load. */
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
    await this.#directories.follow(files);
    // Changes from before the watch began.
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
    const nowMs = (this.#options.clock ?? systemClock).monotonicMs();
    if (this.#timer === undefined) this.#firstChangeMs = nowMs;
    clearTimeout(this.#timer);
    const leftMs = this.#firstChangeMs + maxDebounceMs - nowMs;
    const rest = (): void => {
      this.#timer = undefined;
      this.#onLook();
    };
    this.#timer = setTimeout(rest, Math.min(this.#options.debounceMs ?? defaultDebounceMs, leftMs)).unref();
  };

  /**
   * Loads run one at a time. A queued load will see the newest files, so a second one is
   * unnecessary.
   */
  #enqueue(reason: ReloadReason): Promise<void> {
    const waiting = this.#waiting;
    if (waiting !== undefined) {
      // An explicit request loads even if no file has changed.
      if (waiting.reason === 'file') waiting.reason = reason;
      return waiting.done;
    }
    const done = this.#working.then(() => {
      this.#waiting = undefined;
      return this.#load(turn.reason);
    });
    const turn: Turn = { reason, done };
    this.#waiting = turn;
    this.#working = done.catch(ignore);
    return done;
  }

  async #load(reason: ReloadReason): Promise<void> {
    const closed = (): boolean => this.#closed.signal.aborted;
    if (closed() || (reason === 'file' && !(await this.#files.changed()))) return;
    const result = await this.#options.load(this.#closed.signal).catch((error: unknown) => {
      // Probably aborted by close().
      if (!closed()) throw error;
    });
    if (closed() || result === undefined) return;
    await this.follow(result.files);
    if (!closed()) await this.#options.apply(result, reason);
  }
}
