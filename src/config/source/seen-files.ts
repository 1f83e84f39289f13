// The files that one load looked at, each with a stamp, to tell a real change from an unrelated
// event in its directory. Does not read the files.
import { hash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { matchesOf } from './file-pattern.ts';

/**
 * The absolute path, and a text that stays the same while the file does not change. For a pattern
 * of file names, while the same names match it.
 */
export type FileStamp = readonly [path: string, stamp: string, kind?: 'pattern'];

export class SeenFiles {
  readonly #stamps: Map<string, string>;
  /** Apart from the files, because a file may have an asterisk in its name. */
  readonly #patterns: Map<string, string>;

  /** `stamps`: from files that another thread looked at. */
  constructor(stamps: readonly FileStamp[] = []) {
    const pairs = (kind: FileStamp[2]): [string, string][] =>
      stamps.flatMap(([path, stamp, of]) => (of === kind ? [[path, stamp]] : []));
    this.#stamps = new Map(pairs(undefined));
    this.#patterns = new Map(pairs('pattern'));
  }

  /** Call before reading the file, so that a change in between is detected. */
  async look(path: string): Promise<void> {
    if (!this.#stamps.has(path)) this.#stamps.set(path, await stampOf(path));
  }

  /** Like look(), for the names that match a pattern in one directory. */
  async lookFor(pattern: string): Promise<void> {
    if (!this.#patterns.has(pattern)) this.#patterns.set(pattern, await patternStampOf(pattern));
  }

  get stamps(): readonly FileStamp[] {
    return [...this.#stamps, ...Array.from(this.#patterns, ([path, stamp]) => [path, stamp, 'pattern'] as const)];
  }

  /** Absolute paths, also of files that did not exist. */
  get paths(): readonly string[] {
    return [...this.#stamps.keys()];
  }

  /** Absolute, with wildcards in the file name. */
  get patterns(): readonly string[] {
    return [...this.#patterns.keys()];
  }

  async changed(): Promise<boolean> {
    for (const [path, stamp] of this.#stamps) {
      if ((await stampOf(path)) !== stamp) return true;
    }
    for (const [pattern, stamp] of this.#patterns) {
      if ((await patternStampOf(pattern)) !== stamp) return true;
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

async function patternStampOf(pattern: string): Promise<string> {
  const matches = await matchesOf(pattern);
  if ('paths' in matches) return hash('sha256', matches.paths.join('\0'));
  if ('notUtf8' in matches) return `not UTF-8: ${matches.notUtf8}`;
  return typeof matches.fault === 'string' ? matches.fault : (matches.fault.code ?? 'unknown error');
}
