// Writes generated files, or reports which are out of date. The generators supply the contents.
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';
import { format, getFileInfo, resolveConfig } from 'prettier';

const repository = join(import.meta.dirname, '..');

/** Path in the repository -> contents before formatting. */
export type Generators = Readonly<Record<string, () => string>>;

/** With --check, writes nothing and makes the process fail when a file is out of date. */
export async function writeOrCheck(generators: Generators): Promise<void> {
  const files = await formatted(generators);
  const stale: string[] = [];
  for (const [path, text] of files) {
    const there = await readFile(join(repository, path), 'utf8').catch(() => undefined);
    if (there !== text) stale.push(path);
  }
  if (process.argv.includes('--check')) {
    for (const path of stale) console.error(`${path} is out of date: run "make generate"`);
    process.exitCode = stale.length > 0 ? 1 : 0;
  } else {
    for (const [path, text] of files) await writeFile(join(repository, path), text);
    console.log(stale.length > 0 ? `written: ${stale.join(', ')}` : 'all up to date');
  }
}

export async function formatted(generators: Generators): Promise<Map<string, string>> {
  const files = new Map<string, string>();
  for (const [path, text] of Object.entries(generators)) {
    const filepath = join(repository, path);
    const { inferredParser } = await getFileInfo(filepath);
    const contents = text();
    files.set(
      path,
      inferredParser === null ? contents : await format(contents, { ...(await resolveConfig(filepath)), filepath }),
    );
  }
  return files;
}
