// Reads the configuration file and the files that it includes, as one tree of settings. Faults keep
// the name and line of their own file.
import { resolve } from 'node:path';
import { shownText } from '../schema/names.ts';
import { type IncludedFile, nestedInclude, takeIncluded } from './include.ts';
import { merge } from './merge.ts';
import type { Finding } from './origin.ts';
import { readConfigFile } from './read-file.ts';
import type { SeenFiles } from './seen-files.ts';
import { mapNode, type SourcedMap } from './sourced.ts';
import { maxFileBytes, readYaml, YamlBudget, type YamlReading } from './yaml.ts';

export interface ConfigReading extends YamlReading {
  readonly warnings: readonly Finding[];
}

/** Notes every file that it reads or looks for in `seen`. */
export async function readConfig(file: string, workingDirectory: string, seen: SeenFiles): Promise<ConfigReading> {
  const path = resolve(workingDirectory, file);
  await seen.look(path);
  const reading = await readConfigFile(path);
  if ('fault' in reading) {
    const origin = { kind: 'file', file, line: 1, column: 1 } as const;
    return { root: emptyRoot(), faults: [{ origin, message: reading.fault }], warnings: [], broken: true };
  }
  const budget = new YamlBudget();
  const { root, faults, broken } = readYaml(reading.text, file, budget);
  const included = await takeIncluded(root, { path, shown: file }, seen);
  const { warnings } = included;
  const more = await mergeFiles(root, included.files, {
    seen,
    budget,
    leftBytes: maxFileBytes - Buffer.byteLength(reading.text),
  });
  const isBroken = broken || more.broken || included.faults.length > 0;
  // As with a single file, other faults are reported once all of it can be read.
  return {
    root: isBroken ? emptyRoot() : root,
    faults: [...faults, ...included.faults, ...more.faults],
    warnings,
    broken: isBroken,
  };
}

export function emptyRoot(): SourcedMap {
  return mapNode([], { kind: 'default' });
}

interface Reading {
  readonly seen: SeenFiles;
  /** For all files together, as the number of bytes. */
  readonly budget: YamlBudget;
  readonly leftBytes: number;
}

async function mergeFiles(
  root: SourcedMap,
  files: readonly IncludedFile[],
  { seen, budget, leftBytes }: Reading,
): Promise<{ readonly faults: readonly Finding[]; readonly broken: boolean }> {
  const faults: Finding[] = [];
  let broken = false;
  let left = leftBytes;
  for (const { path, shown, origin } of files) {
    await seen.look(path);
    const reading = await readConfigFile(path, { what: `the included file ${shownText(shown)}` });
    if ('fault' in reading) {
      faults.push({ origin, message: reading.fault });
      broken = true;
      continue;
    }
    left -= Buffer.byteLength(reading.text);
    if (left < 0) {
      const message = `the configuration file and the files that it includes have more than ${maxFileBytes} bytes`;
      return { faults: [...faults, { origin, message }], broken: true };
    }
    const yaml = readYaml(reading.text, shown, budget);
    faults.push(...yaml.faults, ...nestedInclude(yaml.root), ...merge(root, yaml.root));
    broken ||= yaml.broken;
  }
  return { faults, broken };
}
