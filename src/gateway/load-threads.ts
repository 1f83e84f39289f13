// Loads the configuration and the keys file for a running gateway, each in its own thread: parsing
// and checking 1 MiB would block the event loop for more than half a second.
import type { KeyConfig } from '../config/load/config.ts';
import type { RunningConfig } from '../config/load/digested-keys.ts';
import type { FlagSetting } from '../config/load/load.ts';
import { SeenFiles } from '../config/source/seen-files.ts';
import { JobThread } from '../kernel/work/job-thread.ts';
import { each, Slices } from '../kernel/work/slices.ts';
import type { LoadedKeys } from '../keys/load-keys.ts';
import type { OtherKey } from '../keys/read-keys-file.ts';
import type { LoadJob, SentConfig, SentKeys } from './load-jobs.ts';

/**
 * Same directory and extension as this file: TypeScript in development, JavaScript in the package.
 */
const program = new URL(`./load-worker.${import.meta.url.endsWith('.ts') ? 'ts' : 'js'}`, import.meta.url);
/** Secret managers take at most 20 s. The rest allows for large files on a slow machine. */
const timeoutMs = 300_000;

export class LoadThreads {
  readonly #config = new JobThread({ program, name: 'configuration', timeoutMs });
  readonly #keys = new JobThread({ program, name: 'keys file', timeoutMs });

  /** Rejects with JobThreadError, or with the reason of the signal. */
  async config(file: string | undefined, flags: readonly FlagSetting[], signal: AbortSignal): Promise<RunningConfig> {
    const job: LoadJob = { kind: 'config', file, flags };
    const { result, stamps } = (await this.#config.run(job, signal)) as SentConfig;
    return { ...result, files: new SeenFiles(stamps) };
  }

  /** Rejects as config() does. */
  async keys(file: string, others: readonly KeyConfig[], signal: AbortSignal): Promise<LoadedKeys> {
    const needed: OtherKey[] = [];
    await new Slices().run(each(others, ({ id, keyHash, keyPrefix }) => needed.push({ id, keyHash, keyPrefix })));
    const job: LoadJob = { kind: 'keys', file, others: needed };
    const { result, stamps } = (await this.#keys.run(job, signal)) as SentKeys;
    return { ...result, files: new SeenFiles(stamps) };
  }

  /** Loads in progress reject. Idempotent. */
  async close(): Promise<void> {
    await Promise.all([this.#config.close(), this.#keys.close()]);
  }
}
