// Owns writing what is made of the configuration's schema: its reference and example for people, its types for our code. With --check it
// writes nothing and fails when either is out of date.
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';
import { format, resolveConfig } from 'prettier';
import { configShape } from '../src/config/config-shape.ts';
import { configExample } from './config-example.ts';
import { configReference } from './config-reference.ts';
import { configTypes } from './config-types.ts';

const repository = join(import.meta.dirname, '..');

const generated: Readonly<Record<string, () => string>> = {
  'docs/configuration.md': () => configReference(configShape),
  'examples/all-settings.yaml': () => configExample(configShape),
  'src/config/config.ts': () => configTypes(configShape),
};

/** Path in the repository -> what belongs there. */
export async function generatedFiles(): Promise<Map<string, string>> {
  const files = new Map<string, string>();
  for (const [path, text] of Object.entries(generated)) {
    const filepath = join(repository, path);
    files.set(path, await format(text(), { ...(await resolveConfig(filepath)), filepath }));
  }
  return files;
}

/** The paths of those that are not what they should be. */
export async function staleFiles(): Promise<string[]> {
  const stale: string[] = [];
  for (const [path, text] of await generatedFiles()) {
    const there = await readFile(join(repository, path), 'utf8').catch(() => undefined);
    if (there !== text) stale.push(path);
  }
  return stale;
}

if (import.meta.main) {
  const stale = await staleFiles();
  if (process.argv.includes('--check')) {
    for (const path of stale) console.error(`${path} is out of date: run "make generate"`);
    process.exitCode = stale.length > 0 ? 1 : 0;
  } else {
    for (const [path, text] of await generatedFiles()) await writeFile(join(repository, path), text);
    console.log(stale.length > 0 ? `written: ${stale.join(', ')}` : 'all up to date');
  }
}
