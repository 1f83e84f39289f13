// The package must contain a file for each worker thread that the sources start.
import assert from 'node:assert/strict';
import { glob, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import bundle from '../../tsdown.config.ts';

const sources = join(import.meta.dirname, '../../src');

test('every worker thread program is built as a separate file', async () => {
  const programs: string[] = [];
  for await (const file of glob('**/*.ts', { cwd: sources })) {
    if (file.endsWith('.test.ts')) continue;
    const text = await readFile(join(sources, file), 'utf8');
    for (const [, name] of text.matchAll(/new URL\(`\.\/([\w-]+)\.\$\{/g)) {
      programs.push(`${String(name)}=src/${join(file, '..', `${String(name)}.ts`)}`);
    }
  }
  assert.ok(programs.length >= 2, programs.join());
  const built = Object.entries(bundle.entry as Readonly<Record<string, string>>).map((entry) => entry.join('='));
  for (const program of programs) assert.ok(built.includes(program), `${program} is not an entry of tsdown.config.ts`);
});
