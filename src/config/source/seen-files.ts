// Owns the memory of the files that one load looked at, and of how each of them was then: what tells a change from a mere stir in
// its directory. Reads none of them.
import { stat } from 'node:fs/promises';

/** Absolute path, and how the file was: the same text as long as it has not changed. */
export type FileStamp = readonly [path: string, stamp: string];

export class SeenFiles {
  readonly #stamps: Map<string, string>;

  /** `stamps`: of files that another thread looked at. */
  constructor(stamps: readonly FileStamp[] = []) {
    this.#stamps = new Map(stamps);
  }

  /** Before the file is read: what changes in between is then seen as a change, and not missed. */
  async look(path: string): Promise<void> {
    if (!this.#stamps.has(path)) this.#stamps.set(path, await stampOf(path));
  }

  get stamps(): readonly FileStamp[] {
    return [...this.#stamps];
  }

  /** Absolute; also of files that were not there. */
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

/** Of the file that links lead to. The time of the change, not of the writing: it also tells new permissions and a new name. */
async function stampOf(path: string): Promise<string> {
  try {
    const { dev, ino, size, ctimeNs } = await stat(path, { bigint: true });
    return [dev, ino, size, ctimeNs].join(' ');
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? 'unknown error';
  }
}
