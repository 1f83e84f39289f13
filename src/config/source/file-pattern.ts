// Patterns of file names, such as `conf.d/*.yaml`: which files of one directory match. Reads
// directories, not files.
import { isUtf8 } from 'node:buffer';
import { opendir, readdir } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

/** Bounds the work of a pattern that was pointed at the wrong directory. */
export const maxDirectoryEntries = 10_000;

/** Node.js decodes bytes that are not UTF-8 to this character. Names may have it themselves. */
const replacement = '\ufffd';

export type Matches =
  | { readonly paths: readonly string[] }
  /** Completes "the directory …", with the system's code where there is one. */
  | { readonly fault: 'is too large' | NodeJS.ErrnoException }
  /** A matching name that is not UTF-8, as far as it can be decoded: no text names this file. */
  | { readonly notUtf8: string };

/** `*` and `?` are wildcards; no other character is special. */
export function isPattern(path: string): boolean {
  return /[*?]/.test(path);
}

/** The matching paths in the order of their names, character by character, in every locale. */
export async function matchesOf(pattern: string): Promise<Matches> {
  const [directory, name] = [dirname(pattern), basename(pattern)];
  const names: string[] = [];
  let entries = 0;
  try {
    for await (const entry of await opendir(directory)) {
      entries += 1;
      if (entries > maxDirectoryEntries) return { fault: 'is too large' };
      if (matchesName(name, entry.name)) names.push(entry.name);
    }
    if (names.some((found) => found.includes(replacement))) {
      const encoded = await readdir(directory, { encoding: 'buffer' });
      const bad = encoded.find((bytes) => !isUtf8(bytes) && matchesName(name, bytes.toString()));
      if (bad !== undefined) return { notUtf8: bad.toString() };
    }
  } catch (error) {
    return { fault: error as NodeJS.ErrnoException };
  }
  return { paths: names.sort().map((found) => join(directory, found)) };
}

/**
 * As in a shell, a wildcard does not match a leading dot: temporary files of editors and the links
 * of Kubernetes begin with one. Goes back to the last `*` only, so it takes at most the product of
 * both lengths.
 */
export function matchesName(pattern: string, name: string): boolean {
  if (name.startsWith('.') && !pattern.startsWith('.')) return false;
  let [p, n] = [0, 0];
  let star = -1;
  let resume = 0;
  while (n < name.length) {
    if (pattern[p] === '*') {
      star = p;
      resume = n;
      p += 1;
    } else if (p < pattern.length && (pattern[p] === '?' || pattern[p] === name[n])) {
      p += 1;
      n += 1;
    } else if (star >= 0) {
      resume += 1;
      n = resume;
      p = star + 1;
    } else return false;
  }
  while (pattern[p] === '*') p += 1;
  return p === pattern.length;
}
