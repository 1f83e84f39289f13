// Reads the keys file: returns its keys, or every error with its place, worded like errors of the
// configuration. Changes nothing.
import { dirname } from 'node:path';
import type { KeyConfig } from '../config/load/config.ts';
import { schemaFaults } from '../config/schema/schema-messages.ts';
import { toConfig } from '../config/load/to-config.ts';
import { placed } from '../config/check/verdict.ts';
import { boundedFaults, type Finding } from '../config/source/origin.ts';
import { readConfigFile } from '../config/source/read-file.ts';
import { type Broken, isUnprefixed, keyRules, prefixRules } from '../config/check/rules.ts';
import type { TrustedUser } from '../kernel/files/private-file.ts';
import { SeenFiles } from '../config/source/seen-files.ts';
import { plain } from '../config/source/sourced.ts';
import { readYaml } from '../config/source/yaml.ts';
import { asConfig, keysFileSchema, keysFileShape, type StoredKey } from './stored-key.ts';

/** A key of another source. */
export type OtherKey = Pick<KeyConfig, 'id' | 'keyHash' | 'keyPrefix'>;

export interface KeysReading {
  /** Empty when there are errors. */
  readonly keys: readonly StoredKey[];
  readonly faults: readonly Finding[];
  /** There is no such file, which is then the only error. */
  readonly missing: boolean;
  readonly files: SeenFiles;
}

/**
 * Never rejects because of the file's content. `others`: keys of other sources, which these must
 * not clash with. `user`: the user that may own the file; by default the user of this process.
 */
export async function readKeysFile(
  file: string,
  others: readonly OtherKey[] = [],
  user?: TrustedUser,
): Promise<KeysReading> {
  const files = new SeenFiles();
  await files.look(file);
  const toCreate = '"portal-gateway keys create" creates it';
  const reading = await readConfigFile(file, { what: 'the keys file', toCreate, privacy: 'secret', user });
  if (!('text' in reading)) {
    const origin = { kind: 'file', file, line: 1, column: 1 } as const;
    const faults = [{ origin, message: reading.fault }];
    return { keys: [], faults, missing: reading.missing === true, files };
  }
  const { keys, faults } = parseKeys(reading.text, file, others);
  return { keys: faults.length === 0 ? keys : [], faults: boundedFaults(faults), missing: false, files };
}

interface Parsed {
  readonly keys: readonly StoredKey[];
  readonly faults: readonly Finding[];
}

export function parseKeys(text: string, file: string, others: readonly OtherKey[] = []): Parsed {
  const { root, faults } = readYaml(text, file);
  if (faults.length > 0) return { keys: [], faults };
  const parsed = keysFileSchema.safeParse(plain(root, keysFileShape));
  if (!parsed.success) return { keys: [], faults: schemaFaults(parsed.error.issues, root, keysFileShape) };
  const { keys } = toConfig(parsed.data, root, keysFileShape, dirname(file)) as unknown as {
    keys: readonly StoredKey[];
  };
  const broken = [...keyRules(keys.map(asConfig), ['keys']), ...unprefixed(keys, others), ...clashes(keys, others)];
  return { keys, faults: broken.map((fault) => placed(root, fault)) };
}

/** Previous keys count too: they are compared like any other. */
function unprefixed(keys: readonly StoredKey[], others: readonly OtherKey[]): Generator<Broken> {
  const hashes = keys.flatMap((key, i) => [
    { ...key, place: ['keys', i] },
    ...key.previous.map((previous, j) => ({ ...previous, place: ['keys', i, 'previous', j] })),
  ]);
  return prefixRules(hashes, others.filter(isUnprefixed).length);
}

/** Ids and hashes must be unique across all sources: an id is one principal, and a hash one key. */
function* clashes(keys: readonly StoredKey[], others: readonly OtherKey[]): Generator<Parameters<typeof placed>[1]> {
  const ids = new Set(others.map(({ id }) => id));
  const hashes = new Set(others.flatMap(({ keyHash }) => (keyHash === '' ? [] : [keyHash])));
  for (const [i, { id, keyHash, previous }] of keys.entries()) {
    if (ids.has(id))
      yield { path: ['keys', i, 'id'], message: 'duplicates the id of a key in auth.keys of the configuration' };
    for (const hash of [keyHash, ...previous.map((key) => key.keyHash)]) {
      if (hashes.has(hash)) yield { path: ['keys', i, 'key_hash'], message: 'duplicates the hash of another key' };
      hashes.add(hash);
    }
  }
}
