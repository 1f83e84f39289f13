// Owns being told of changes around files: watches their directories, since a file that is replaced is another file, and both ends
// of links. Knows neither what the files hold nor what becomes of a change.
import { type FSWatcher, watch } from 'node:fs';
import { realpath, stat } from 'node:fs/promises';
import { basename, dirname } from 'node:path';

/** Kubernetes swaps this link, and with it all files of a volume at once (AtomicWriter). */
const kubernetesLink = '..data';
/** More directories than this hold no one's configuration. */
const maxDirectories = 64;

interface Watched {
  readonly watcher: FSWatcher;
  /** Of the directory itself: another one may have come under its name. */
  readonly inode: string;
  /** In it, the names that matter. */
  names: ReadonlySet<string>;
}

export class WatchedDirectories {
  readonly #changed: () => void;
  readonly #unwatched: (directory: string, error: unknown) => void;
  readonly #watched = new Map<string, Watched>();
  /** Those that can't be watched, which was told once. */
  readonly #told = new Set<string>();
  #closed = false;

  constructor(changed: () => void, unwatched: (directory: string, error: unknown) => void) {
    this.#changed = changed;
    this.#unwatched = unwatched;
  }

  /** From now on, the directories of these files and no others. */
  async follow(files: readonly string[]): Promise<void> {
    const wanted = await directoriesOf(files);
    for (const directory of this.#watched.keys()) if (!wanted.has(directory)) this.#drop(directory);
    for (const [directory, names] of wanted) await this.#watch(directory, names);
  }

  close(): void {
    this.#closed = true;
    for (const directory of this.#watched.keys()) this.#drop(directory);
  }

  async #watch(directory: string, names: ReadonlySet<string>): Promise<void> {
    const known = this.#watched.get(directory);
    try {
      const { dev, ino } = await stat(directory, { bigint: true });
      const inode = `${dev} ${ino}`;
      if (this.#closed) return;
      if (known?.inode === inode) {
        known.names = names;
        return;
      }
      this.#drop(directory);
      const watched: Watched = { watcher: watch(directory, { persistent: false }), inode, names };
      watched.watcher.on('change', (_, name: string | Buffer | null) => {
        // No name: the system does not say which.
        if (name === null || watched.names.has(String(name))) this.#changed();
      });
      watched.watcher.on('error', (error) => {
        this.#lose(directory, error);
      });
      this.#watched.set(directory, watched);
      this.#told.delete(directory);
    } catch (error) {
      this.#lose(directory, error);
    }
  }

  #lose(directory: string, error: unknown): void {
    this.#drop(directory);
    if (this.#closed || this.#told.has(directory)) return;
    this.#told.add(directory);
    this.#unwatched(directory, error);
  }

  #drop(directory: string): void {
    this.#watched.get(directory)?.watcher.close();
    this.#watched.delete(directory);
  }
}

async function directoriesOf(files: readonly string[]): Promise<Map<string, Set<string>>> {
  const wanted = new Map<string, Set<string>>();
  for (const file of files) {
    const target = await realpath(file).catch(() => file);
    for (const path of [file, target]) {
      const directory = dirname(path);
      if (wanted.size >= maxDirectories && !wanted.has(directory)) continue;
      const names = wanted.get(directory) ?? new Set([kubernetesLink]);
      wanted.set(directory, names.add(basename(path)));
    }
  }
  return wanted;
}
