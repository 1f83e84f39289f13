// The keys file as a key source of a running gateway: read at the start and watched for changes. An
// invalid file never replaces the keys in use.
import type { KeySource } from '../auth/key-source.ts';
import type { KeyConfig } from '../config/load/config.ts';
import { findingLine } from '../config/source/origin.ts';
import { type ConfigWatch, watchConfig } from '../config/load/reload.ts';
import type { KeyPolicy } from '../policy/policy.ts';
import { each, Slices } from '../kernel/work/slices.ts';
import { KeysFileError } from './keys-file-error.ts';
import { LastUsed } from './last-used.ts';
import { loadKeys, type LoadedKeys } from './load-keys.ts';

export interface KeysFileOptions {
  /** Keys in the current configuration. */
  others(): readonly KeyConfig[];
  /** Reads the file after a change. Default: in this thread, which blocks the event loop. */
  load?(file: string, others: readonly KeyConfig[], signal: AbortSignal): Promise<LoadedKeys>;
  /** `keys` has been replaced. */
  changed(): void | Promise<void>;
  /** The file has these errors, and the previous keys stay in use. */
  rejected(faults: readonly string[]): void;
  /** For problems that do not stop the key source. */
  readonly warn: (message: string, error: unknown) => void;
}

/** Short, because commands replace the file in one step. */
const debounceMs = 10;

/** Throws KeysFileError. */
export async function openKeysFile(file: string, options: KeysFileOptions): Promise<KeySource> {
  const first = await loadKeys(file, options.others());
  if (first.faults.length > 0) throw new KeysFileError(first.faults.map(findingLine).join('\n'));
  return KeysFile.open(file, first, options);
}

class KeysFile implements KeySource {
  keys: readonly KeyPolicy[] = [];
  #ids: ReadonlySet<string> = new Set();
  readonly #lastUsed: LastUsed;
  #watch: ConfigWatch | undefined = undefined;

  private constructor(file: string, { warn }: KeysFileOptions) {
    this.#lastUsed = new LastUsed({
      keysFile: file,
      ids: () => this.#ids,
      failed: (error) => {
        warn('cannot store when keys were last used', error);
      },
    });
  }

  static async open(file: string, first: LoadedKeys, options: KeysFileOptions): Promise<KeysFile> {
    const source = new KeysFile(file, options);
    await source.#take(first);
    const load = options.load?.bind(options) ?? loadKeys;
    source.#watch = await watchConfig<LoadedKeys>({
      files: first.files,
      load: (signal) => load(file, options.others(), signal),
      apply: async (loaded) => {
        if (loaded.faults.length > 0) {
          options.rejected(loaded.faults.map(findingLine));
          return;
        }
        await source.#take(loaded);
        await options.changed();
      },
      failed: (error) => {
        options.warn('cannot read the keys file; the current keys stay in use', error);
      },
      unwatched: (directory, error) => {
        options.warn(`cannot watch ${directory}, so changes are noticed late; send SIGHUP after a change`, error);
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

  async #take({ keys }: LoadedKeys): Promise<void> {
    const ids = new Set<string>();
    await new Slices().run(each(keys, ({ id }) => ids.add(id)));
    this.#ids = ids;
    this.keys = keys;
  }
}
