// When make installs the dependencies: only where the installation at hand is none, or not the one
// of the lock file.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { copyFile, mkdir, utimes, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { tempDirectory } from '../helpers/temp-directory.ts';

const lock = 'package-lock.json';
/** Written by `npm ci`, too. */
const installed = 'node_modules/.package-lock.json';
const developer = 'node_modules/.bin/tsdown';
const runtimeLock = 'tools/runtime/package-lock.json';
const runtime = 'tools/runtime/node_modules/.installed';

/** Whether `make run` would install in a folder with these files, oldest first. */
async function installs(t: TestContext, files: readonly string[]): Promise<boolean> {
  const directory = await tempDirectory(t);
  await copyFile('Makefile', join(directory, 'Makefile'));
  for (const [seconds, file] of files.entries()) {
    const path = join(directory, file);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, '');
    await utimes(path, seconds, seconds);
  }
  const commands = execFileSync('make', ['--dry-run', 'run'], { cwd: directory, encoding: 'utf8' });
  assert.match(commands, /exec node src\/main\.ts dev/);
  return commands.split('\n').some((line) => line.includes('npm ci') && !line.includes('tools/runtime &&'));
}

test('make run does not install what npm ci has installed', async (t) => {
  assert.equal(await installs(t, [lock, runtimeLock, runtime, developer, installed]), false);
});

test('make run fetches Node for an installation by npm ci, and does not install again', async (t) => {
  assert.equal(await installs(t, [lock, runtimeLock, developer, installed]), false);
  assert.equal(await installs(t, [lock, developer, installed, runtimeLock, runtime]), false);
});

test('make run installs in a new clone, and after a change of the lock file', async (t) => {
  assert.equal(await installs(t, [lock, runtimeLock]), true);
  assert.equal(await installs(t, [runtimeLock, runtime, developer, installed, lock]), true);
});

test('make run completes an installation without development dependencies', async (t) => {
  assert.equal(await installs(t, [lock, runtimeLock, runtime, installed]), true);
});
