// The `include` of a configuration file: which files it names. Does not read them.
import { dirname, isAbsolute, join, resolve } from 'node:path';
import { shownText } from '../schema/names.ts';
import { isPattern, matchesOf, maxDirectoryEntries } from './file-pattern.ts';
import type { Finding, Origin } from './origin.ts';
import { isNothing, type Sourced, type SourcedMap } from './sourced.ts';
import type { SeenFiles } from './seen-files.ts';
import { openWords } from './secrets/secret-file.ts';

/** The name of the setting. It is no part of the schema: it is gone once the files are merged. */
export const include = 'include';

/** A configuration in more files is hard to follow; more settings fit into each. */
export const maxIncludedFiles = 100;

/** A file name or a pattern, as written. */
interface Wanted {
  readonly text: string;
  readonly origin: Origin;
}

/** A file to read after the configuration file. */
export interface IncludedFile {
  readonly path: string;
  /** Relative like the name of the configuration file, for messages. */
  readonly shown: string;
  /** The position of the name or pattern. */
  readonly origin: Origin;
}

export interface Inclusion {
  readonly files: readonly IncludedFile[];
  readonly faults: readonly Finding[];
  readonly warnings: readonly Finding[];
}

/** Removes `include` from the settings of `file`, and finds the files that it names. */
export async function takeIncluded(
  root: SourcedMap,
  file: { readonly path: string; readonly shown: string },
  seen: SeenFiles,
): Promise<Inclusion> {
  const entry = root.entries.get(include);
  root.entries.delete(include);
  const { wanted, faults } = entry === undefined ? { wanted: [], faults: [] } : wantedOf(entry.node);
  const warnings: Finding[] = [];
  const found = new Map<string, IncludedFile>();
  for (const { text, origin } of wanted) {
    const place = { path: resolve(dirname(file.path), text), shown: shownBeside(file.shown, text), origin };
    if (!isPattern(text)) {
      if (place.path === file.path) faults.push({ origin, message: 'include names the file that it is in' });
      else if (!found.has(place.path)) found.set(place.path, place);
      continue;
    }
    const matching = await matchingOf(place, file.path, seen);
    if ('fault' in matching) faults.push({ origin, message: matching.fault });
    else if (matching.files.length === 0)
      warnings.push({ origin, message: `include ${shownText(text)} matches no file` });
    else for (const one of matching.files) if (!found.has(one.path)) found.set(one.path, one);
  }
  if (found.size > maxIncludedFiles) {
    const message = `include names ${found.size} files, but at most ${maxIncludedFiles} are allowed`;
    return { files: [], faults: [{ origin: entry?.node.origin, message }], warnings };
  }
  return { files: [...found.values()], faults, warnings };
}

/** Included files cannot include others, so that every file is named in one place. */
export function nestedInclude(root: SourcedMap): Finding[] {
  const nested = root.entries.get(include);
  if (nested === undefined) return [];
  root.entries.delete(include);
  const message = 'include is allowed in the configuration file itself only, not in a file that it includes';
  return [{ origin: nested.named, message }];
}

function wantedOf(node: Sourced): { readonly wanted: readonly Wanted[]; readonly faults: Finding[] } {
  if (isNothing(node)) return { wanted: [], faults: [] };
  const wanted: Wanted[] = [];
  const faults: Finding[] = [];
  for (const item of node.kind === 'list' ? node.items : [node]) {
    const { origin } = item;
    const text = item.kind === 'scalar' ? item.value : undefined;
    if (typeof text !== 'string' || text === '' || text.includes('\0')) {
      const message = 'include must be the name of a file or a list of names, such as conf.d/*.yaml';
      faults.push({ origin, message });
    } else if (isPattern(dirname(text))) {
      const message = `include has a wildcard in the directory of ${shownText(text)}: only the file name may have * and ?`;
      faults.push({ origin, message });
    } else wanted.push({ text, origin });
  }
  return { wanted, faults };
}

/** A pattern may match the configuration file itself, which is not meant. */
async function matchingOf(
  { path, shown, origin }: IncludedFile,
  self: string,
  seen: SeenFiles,
): Promise<{ readonly files: readonly IncludedFile[] } | { readonly fault: string }> {
  await seen.lookFor(path);
  const matches = await matchesOf(path);
  if ('paths' in matches) {
    const others = matches.paths.filter((match) => match !== self);
    return {
      files: others.map((match) => ({
        path: match,
        shown: shownBeside(shown, match.slice(dirname(path).length + 1)),
        origin,
      })),
    };
  }
  const directory = `the directory ${shownText(dirname(shown))} of the included files`;
  if ('notUtf8' in matches) {
    return { fault: `${directory} has a file whose name is not UTF-8, ${shownText(matches.notUtf8)}: rename it` };
  }
  const { fault } = matches;
  const why = fault === 'is too large' ? `has more than ${maxDirectoryEntries} entries` : openWords(fault);
  return { fault: `${directory} ${why}` };
}

/** The name of a file that is written relative to another one. */
function shownBeside(file: string, name: string): string {
  return isAbsolute(name) ? name : join(dirname(file), name);
}
