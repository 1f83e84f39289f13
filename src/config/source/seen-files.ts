// The files that one load looked at, each with a stamp, to tell a real change from an unrelated
// event in its directory. Does not read the files.
import { stat } from 'node:fs/promises';

/** The absolute path, and a text that stays the same while the file does not change. */
export type FileStamp = readonly [path: string, stamp: string];

export class SeenFiles {
  readonly #stamps: Map<string, string>;

  /** `stamps`: from files that another thread looked at. */
  constructor(stamps: readonly FileStamp[] = []) {
    this.#stamps = new Map(stamps);
  }

  /** Call before reading the file, so that a change in between is detected. */
  async look(path: string): Promise<void> {
    if (!this.#stamps.has(path)) this.#stamps.set(path, await stampOf(path));
  }

  get stamps(): readonly FileStamp[] {
    return [...this.#stamps];
  }

  /** Absolute paths, also of files that did not exist. */
  get paths(): readonly string[] {
    return [...this.#stamps.keys()];
  }

  async changed(): Promise<boolean> {
    for (const [path, stamp] of this.#stamps) {
      if ((await stampOf(path)) !== stamp) return true;
    }
    return false;
  }
}

/**
 * Follows links. Uses ctime instead of mtime, because ctime also changes with permissions and on a
 * rename.
 */
async function stampOf(path: string): Promise<string> {
  try {
    const { dev, ino, size, ctimeNs } = await stat(path, { bigint: true });
    return [dev, ino, size, ctimeNs].join(' ');
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? 'unknown error';
  }
}
