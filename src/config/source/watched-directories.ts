// Watches files for changes by watching their directories, since a replaced file is a new inode,
// and both ends of symbolic links. Also watches directories for new files. Does not read the files.
import { type FSWatcher, watch } from 'node:fs';
import { realpath, stat } from 'node:fs/promises';
import { basename, dirname } from 'node:path';

/** Kubernetes updates all files of a volume at once by swapping this link (AtomicWriter). */
const kubernetesLink = '..data';
/** A configuration that spans more directories is unrealistic. */
const maxDirectories = 64;

interface Watched {
  readonly watcher: FSWatcher;
  /** The inode of the directory, to detect that another one has replaced it. */
  readonly inode: string;
  /** The file names in it that matter. */
  names: Names;
}

type Names = ReadonlySet<string> | 'all';

/** As SeenFiles. */
interface Followed {
  readonly paths: readonly string[];
  readonly patterns: readonly string[];
}

export class WatchedDirectories {
  readonly #changed: () => void;
  readonly #unwatched: (directory: string, error: unknown) => void;
  readonly #watched = new Map<string, Watched>();
  /** Directories that cannot be watched and were reported once. */
  readonly #reported = new Set<string>();
  #closed = false;

  constructor(changed: () => void, unwatched: (directory: string, error: unknown) => void) {
    this.#changed = changed;
    this.#unwatched = unwatched;
  }

  /** Watches the directories of these files and patterns from now on, and no others. */
  async follow(files: Followed): Promise<void> {
    const wanted = await directoriesOf(files);
    for (const directory of this.#watched.keys()) if (!wanted.has(directory)) this.#drop(directory);
    for (const [directory, names] of wanted) await this.#watch(directory, names);
  }

  close(): void {
    this.#closed = true;
    for (const directory of this.#watched.keys()) this.#drop(directory);
  }

  async #watch(directory: string, names: Names): Promise<void> {
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
        // null: the system does not report the name.
        if (name === null || watched.names === 'all' || watched.names.has(String(name))) this.#changed();
      });
      watched.watcher.on('error', (error) => {
        this.#lose(directory, error);
      });
      this.#watched.set(directory, watched);
      this.#reported.delete(directory);
    } catch (error) {
      this.#lose(directory, error);
    }
  }

  #lose(directory: string, error: unknown): void {
    this.#drop(directory);
    if (this.#closed || this.#reported.has(directory)) return;
    this.#reported.add(directory);
    this.#unwatched(directory, error);
  }

  #drop(directory: string): void {
    this.#watched.get(directory)?.watcher.close();
    this.#watched.delete(directory);
  }
}

async function directoriesOf({ paths, patterns }: Followed): Promise<Map<string, Names>> {
  const wanted = new Map<string, Set<string> | 'all'>();
  // A directory that is replaced is noticed in its own directory.
  const containers = new Set(patterns.map(dirname));
  for (const file of [...containers, ...paths]) {
    const target = await realpath(file).catch(() => file);
    for (const path of [file, target]) {
      const directory = dirname(path);
      if (wanted.size >= maxDirectories && !wanted.has(directory)) continue;
      const names = wanted.get(directory) ?? new Set([kubernetesLink]);
      if (names !== 'all') wanted.set(directory, names.add(basename(path)));
    }
    if (containers.has(file)) wanted.set(target, 'all');
  }
  return wanted;
}
