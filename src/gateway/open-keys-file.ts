// Loads the keys file for commands that work on a configuration: once, with faults in the same form
// as those of the configuration, or as a watched source for `start`.
import type { KeySource } from '../auth/key-source.ts';
import type { Config } from '../config/load/config.ts';
import type { Finding } from '../config/source/origin.ts';
import type { Logger } from '../observe/logs/log.ts';
import { openKeysFile, type KeysFileOptions } from '../keys/reload-keys.ts';
import { readKeysFile } from '../keys/read-keys-file.ts';
import type { RejectedReloads } from './rejected-reloads.ts';
import type { StoredKey } from '../keys/stored-key.ts';
import { reasonOf } from '../kernel/reason.ts';

export interface StoredKeys {
  readonly keys: readonly StoredKey[];
  readonly faults: readonly Finding[];
}

/** Empty if the configuration names no file. */
export async function readConfiguredKeysFile({ auth }: Config): Promise<StoredKeys> {
  return auth.keysFile === '' ? { keys: [], faults: [] } : readKeysFile(auth.keysFile, auth.keys);
}

/** Undefined if the configuration names no file. Throws KeysFileError. */
export async function openConfiguredKeysFile(
  parts: AsyncDisposableStack,
  options: {
    readonly config: () => Config;
    readonly load: NonNullable<KeysFileOptions['load']>;
    readonly log: Logger;
    readonly rejections: RejectedReloads;
    /**
     * Called when the keys have changed; resolves when requests are checked against the new ones.
     */
    readonly changed: () => Promise<void>;
  },
): Promise<KeySource | undefined> {
  const { config, load, log, rejections, changed } = options;
  const { keysFile } = config().auth;
  if (keysFile === '') return undefined;
  const source = await openKeysFile(keysFile, {
    others: () => config().auth.keys,
    load,
    changed: async () => {
      await changed();
      rejections.apply('keys');
      log.info({ keys: source.keys.length }, 'keys reloaded');
    },
    rejected: (faults) => {
      for (const fault of faults) log.error(fault);
      rejections.reject('keys', faults);
      log.error({ faults: faults.length }, 'keys rejected; the current ones stay in use');
    },
    warn: (message, error) => {
      log.warn({ reason: reasonOf(error) }, message);
    },
  });
  parts.defer(() => source.close());
  return source;
}
