// Watches a configuration file in a temporary directory and records every result of the watcher.
import { EventEmitter } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { loadConfig, type LoadResult } from '../../src/config/load/load.ts';
import { type ConfigWatch, type ReloadReason, watchConfig, type WatchOptions } from '../../src/config/load/reload.ts';
import { tempDirectory } from './temp-directory.ts';

export interface Applied {
  readonly result: LoadResult;
  readonly reason: ReloadReason;
}

export interface Watching {
  readonly directory: string;
  readonly watch: ConfigWatch;
  readonly signals: EventEmitter;
  /** Loads since the watch started. */
  readonly loads: () => number;
  /** The next applied result that was not yet returned. */
  readonly next: () => Promise<Applied>;
  /** The next result that is a configuration with this port. */
  readonly untilPort: (port: number) => Promise<Applied>;
  readonly failures: unknown[];
  readonly unwatched: string[];
}

/** No periodic check, unless a test is about it. */
const never = 2 ** 31 - 1;

/** Creates `conf/gateway.yaml` in a new directory after `prepare`, loads it and watches it. */
export async function watching(
  t: TestContext,
  prepare: (directory: string) => Promise<unknown>,
  options: Partial<WatchOptions> & { readonly between?: (directory: string) => Promise<unknown> } = {},
): Promise<Watching> {
  const directory = await tempDirectory(t);
  await mkdir(join(directory, 'conf'));
  await prepare(directory);
  const load = (signal?: AbortSignal): Promise<LoadResult> =>
    loadConfig({
      file: join(directory, 'conf/gateway.yaml'),
      env: {},
      ...(signal !== undefined && { signal }),
    });
  const first = await load();
  await options.between?.(directory);
  const applied: Applied[] = [];
  const arrivals = new EventEmitter();
  const signals = new EventEmitter();
  const failures: unknown[] = [];
  const unwatched: string[] = [];
  let loads = 0;
  const watch = await watchConfig({
    files: first.files,
    load: (signal) => {
      loads += 1;
      return load(signal);
    },
    apply: (result, reason) => {
      applied.push({ result, reason });
      arrivals.emit('applied');
    },
    failed: (error) => {
      failures.push(error);
      arrivals.emit('failed');
    },
    unwatched: (lost) => {
      unwatched.push(lost);
    },
    signals,
    debounceMs: 20,
    lookEveryMs: never,
    ...options,
  });
  t.after(() => {
    watch.close();
  });
  const next = async (): Promise<Applied> => {
    for (;;) {
      const first = applied.shift();
      if (first !== undefined) return first;
      await new Promise((resolve) => arrivals.once('applied', resolve));
    }
  };
  const untilPort = async (port: number): Promise<Applied> => {
    for (;;) {
      const one = await next();
      if (one.result.ok && one.result.config.gateway.port === port) return one;
    }
  };
  return { directory, watch, signals, loads: () => loads, next, untilPort, failures, unwatched };
}

export const port = (number: number): string => `gateway: { port: ${number} }\n`;
export const file = (directory: string): string => join(directory, 'conf/gateway.yaml');
export const withPort: (number: number) => (directory: string) => Promise<void> =
  (number: number) =>
  (directory: string): Promise<void> =>
    writeFile(file(directory), port(number));
