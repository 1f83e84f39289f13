// Reads the keys file into the key policies of the data plane.
import type { Finding } from '../config/source/origin.ts';
import type { SeenFiles } from '../config/source/seen-files.ts';
import type { KeyPolicy } from '../policy/policy.ts';
import { type OtherKey, readKeysFile } from './read-keys-file.ts';
import { keyPolicies } from './stored-key.ts';

export interface LoadedKeys {
  /** Empty when there are errors. */
  readonly keys: readonly KeyPolicy[];
  readonly faults: readonly Finding[];
  readonly files: SeenFiles;
}

/**
 * Never rejects because of the file's content. `others`: keys of other sources, which these must
 * not clash with.
 */
export async function loadKeys(file: string, others: readonly OtherKey[]): Promise<LoadedKeys> {
  const { keys, faults, files } = await readKeysFile(file, others);
  return { keys: keys.flatMap(keyPolicies), faults, files };
}
