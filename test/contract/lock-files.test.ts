// Every installed package is verified: each entry of each lock file holds the digest of the
// expected tarball.
import assert from 'node:assert/strict';
import { glob, readFile } from 'node:fs/promises';
import { test } from 'node:test';

interface Entry {
  readonly link?: boolean;
  readonly integrity?: string;
}

test('every entry of every lock file has an integrity hash', async () => {
  const files: string[] = [];
  for await (const file of glob('**/package-lock.json', { exclude: ['**/node_modules/**'] })) files.push(file);
  assert.deepEqual(files.sort(), ['package-lock.json', 'tools/runtime/package-lock.json']);
  for (const file of files) {
    const { packages } = JSON.parse(await readFile(file, 'utf8')) as { packages: Record<string, Entry> };
    const installed = Object.entries(packages).filter(([path, { link }]) => path !== '' && link !== true);
    assert.ok(installed.length > 0, file);
    const unverified = installed.filter(([, { integrity = '' }]) => !/^sha(?:256|384|512)-/.test(integrity));
    assert.deepEqual(
      unverified.map(([path]) => path),
      [],
      file,
    );
  }
});
