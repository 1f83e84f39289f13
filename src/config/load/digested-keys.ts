// Replaces the keys in a configuration by their digests, which suffice to verify them, so that core
// dumps and heap snapshots of the gateway contain no keys.
import { hash } from 'node:crypto';
import type { Config, KeyConfig } from './config.ts';
import type { Faulty, Loaded, LoadResult } from './load.ts';

/** `key` is empty. */
export interface DigestedKey extends KeyConfig {
  /** In hex. */
  readonly keySha256: string;
}

/** Without the origins of values, because they contain keys. */
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
