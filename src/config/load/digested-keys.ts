// Owns what a process that runs on a configuration keeps of the keys in it: their digests, which tell a key when it comes. The keys
// themselves go with the loading, so that neither a core nor a heap of the gateway has them.
import { hash } from 'node:crypto';
import type { Config, KeyConfig } from './config.ts';
import type { Faulty, Loaded, LoadResult } from './load.ts';

/** `key` is empty. */
export interface DigestedKey extends KeyConfig {
  /** In hex. */
  readonly keySha256: string;
}

/** Without where the values came from: keys are among them. */
export type RunningConfig = Omit<Loaded, 'sources'> | Faulty;

export function withDigestedKeys(result: LoadResult): RunningConfig {
  if (!result.ok) return { ...result, rest: result.rest && digested(result.rest) };
  const { ok, config, file, warnings, files } = result;
  return { ok, config: digested(config), file, warnings, files };
}

function digested(config: Config): Config {
  const keys = config.auth.keys.map((key) => (key.key === '' ? key : digestedKey(key)));
  return { ...config, auth: { ...config.auth, keys } };
}

function digestedKey(key: KeyConfig): DigestedKey {
  return { ...key, key: '', keySha256: hash('sha256', key.key) };
}

export function digestOf(key: KeyConfig | DigestedKey): string | undefined {
  if ('keySha256' in key) return key.keySha256;
  return key.key === '' ? undefined : hash('sha256', key.key);
}
