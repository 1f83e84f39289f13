// Owns the keys file as a source of keys for a running gateway: read at the start, followed while it changes, with a fault in it never
// taking away the keys that there were. Knows nothing of requests.
import type { KeySource } from '../auth/key-source.ts';
import type { KeyConfig } from '../config/config.ts';
import { findingLine } from '../config/origin.ts';
import { type ConfigWatch, watchConfig } from '../config/reload.ts';
import type { KeyPolicy } from '../policy/policy.ts';
import { KeysFileError } from './errors.ts';
import { LastUsed } from './last-used.ts';
import { type KeysReading, readKeysFile } from './read-keys-file.ts';
import { keyPolicies } from './stored-key.ts';

export interface KeysFileOptions {
  /** Keys that stand in the configuration, as it is now. */
  others(): readonly KeyConfig[];
  /** `keys` is another list now. */
  changed(): void;
  /** The file has these faults, and the keys before stay. */
  rejected(faults: readonly string[]): void;
  /** Something works less well than it should. */
  readonly warn: (message: string, error: unknown) => void;
}

/** A command replaces the file in one step: there is nothing to wait for. */
const debounceMs = 10;

/** Throws KeysFileError. */
export async function openKeysFile(file: string, options: KeysFileOptions): Promise<KeySource> {
  const first = await readKeysFile(file, options.others());
  if (first.faults.length > 0) throw new KeysFileError(first.faults.map(findingLine).join('\n'));
  return KeysFile.open(file, first, options);
}

class KeysFile implements KeySource {
  keys: readonly KeyPolicy[] = [];
  #ids: ReadonlySet<string> = new Set();
  readonly #lastUsed: LastUsed;
  #watch: ConfigWatch | undefined = undefined;

  private constructor(file: string, first: KeysReading, { warn }: KeysFileOptions) {
    this.#take(first);
    this.#lastUsed = new LastUsed({
      keysFile: file,
      ids: () => this.#ids,
      failed: (error) => {
        warn('when keys were used last can not be kept', error);
      },
    });
  }

  static async open(file: string, first: KeysReading, options: KeysFileOptions): Promise<KeysFile> {
    const source = new KeysFile(file, first, options);
    source.#watch = await watchConfig<KeysReading>({
      files: first.files,
      load: () => readKeysFile(file, options.others()),
      apply: (reading) => {
        if (reading.faults.length > 0) {
          options.rejected(reading.faults.map(findingLine));
          return;
        }
        source.#take(reading);
        options.changed();
      },
      failed: (error) => {
        options.warn('the keys file could not be read; the keys before stay in use', error);
      },
      unwatched: (directory, error) => {
        options.warn(`changes in ${directory} are noticed late; send SIGHUP after one`, error);
      },
      debounceMs,
    });
    return source;
  }

  used(id: string, wallMs: number): void {
    this.#lastUsed.note(id, wallMs);
  }

  async close(): Promise<void> {
    this.#watch?.close();
    await this.#lastUsed.close();
  }

  #take({ keys }: KeysReading): void {
    this.keys = keys.flatMap(keyPolicies);
    this.#ids = new Set(keys.map(({ id }) => id));
  }
}
