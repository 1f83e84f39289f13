import assert from 'node:assert/strict';
import { lstat, mkdir, readdir, readFile, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { tempDirectory } from '../../test/helpers/temp-directory.ts';
import { loadSigningKeys } from './signing-keys-file.ts';

const nowMs = Date.parse('2026-11-26T12:00:00Z');

test('gateways that start together, each with a link to a shared file, get the same keys', async (t) => {
  const directory = await tempDirectory(t);
  const links: string[] = [];
  for (const name of ['a', 'b', 'c', 'd']) {
    await mkdir(join(directory, name));
    links.push(join(directory, name, 'assertion-keys.json'));
    await symlink('../shared/keys.json', join(directory, name, 'assertion-keys.json'));
  }
  const all = await Promise.all(links.map((link) => loadSigningKeys(link, nowMs)));
  const kids = all.map((keys) => keys.map(({ kid }) => kid).join());
  assert.equal(new Set(kids).size, 1);
  assert.match(await readFile(join(directory, 'shared/keys.json'), 'utf8'), /PRIVATE KEY/);
  assert.deepEqual(await readdir(join(directory, 'shared')), ['keys.json']);
  for (const link of links) assert.ok((await lstat(link)).isSymbolicLink());
});
