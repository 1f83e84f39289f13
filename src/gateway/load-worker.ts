// The program of the threads that load files for a running gateway: reads, parses and checks, and
// returns the result or its faults.
import { withDigestedKeys } from '../config/load/digested-keys.ts';
import { loadConfig } from '../config/load/load.ts';
import { serveJobs } from '../kernel/work/job-worker.ts';
import { loadKeys } from '../keys/load-keys.ts';
import type { ConfigJob, KeysJob, LoadJob, SentConfig, SentKeys } from './load-jobs.ts';
import { readConfiguredKeysFile } from './open-keys-file.ts';

serveJobs((job) => {
  const load = job as LoadJob;
  return load.kind === 'config' ? configOf(load) : keysOf(load);
});

/**
 * Faults of the keys file count as faults of the configuration that names it: the same key may be
 * in both.
 */
async function configOf({ file, flags }: ConfigJob): Promise<SentConfig> {
  const loaded = withDigestedKeys(await loadConfig({ file, flags }));
  const { files, ...result } = loaded;
  const { stamps } = files;
  // A faulty configuration is not used, so only its faults are sent.
  if (!loaded.ok) return { result: { ...result, ok: false, faults: loaded.faults, rest: undefined }, stamps };
  const { faults } = await readConfiguredKeysFile(loaded.config);
  if (faults.length === 0) return { result: { ...result, ok: true, config: loaded.config }, stamps };
  const { warnings } = loaded;
  return { result: { ok: false, faults, rest: undefined, file: loaded.file, warnings }, stamps };
}

async function keysOf({ file, others }: KeysJob): Promise<SentKeys> {
  const { files, ...result } = await loadKeys(file, others);
  return { result, stamps: files.stamps };
}
