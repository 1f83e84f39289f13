// The variables of `make run`, the targets with another name, and when make installs the
// dependencies. `make -n` prints the recipes without running them.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { copyFile, mkdir, utimes, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { test, type TestContext } from 'node:test';
import { needs } from '../helpers/needs.ts';
import { repository } from '../helpers/pages.ts';
import { tempDirectory } from '../helpers/temp-directory.ts';

const make = needs('make');

/** The last command of a recipe. Those before it depend on what is installed. */
function lastCommand(args: readonly string[], environment: Readonly<Record<string, string>> = {}): string {
  const env = { PATH: process.env['PATH'], ...environment };
  const printed = execFileSync(make.path, ['-n', ...args], { cwd: repository, encoding: 'utf8', env });
  return printed.trimEnd().split('\n').at(-1) ?? '';
}

/** The arguments of `dev`, as the shell splits the recipe. */
function devArguments(command: string): string[] {
  const [, words = ''] = / exec node src\/main\.ts dev(.*)$/.exec(command) ?? assert.fail(command);
  return execFileSync('sh', ['-c', `printf '%s\\n' dev ${words}`], { encoding: 'utf8' })
    .trimEnd()
    .split('\n');
}

test('make run passes APP, NAME and PORT to dev', { skip: make.skip }, () => {
  const all = devArguments(lastCommand(['run', 'APP=3000', 'NAME=my-app', 'PORT=8081']));
  assert.deepEqual(all, ['dev', '3000', '--name', 'my-app', '--port', '8081']);
  assert.deepEqual(devArguments(lastCommand(['run', 'NAME=my app'])), ['dev', '--name', 'my app']);
  assert.deepEqual(devArguments(lastCommand(['run', 'PORT=8081'])), ['dev', '--port', '8081']);
});

test('make run ignores these variables of the environment', { skip: make.skip }, () => {
  const command = lastCommand(['run'], { APP: '3000', NAME: 'machine', PORT: '80' });
  assert.deepEqual(devArguments(command), ['dev']);
});

test('make init does what make setup does', { skip: make.skip }, () => {
  assert.match(lastCommand(['setup']), /^git config core\.hooksPath tools\/hooks /);
  assert.equal(lastCommand(['init']), lastCommand(['setup']));
});

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
  const commands = execFileSync(make.path, ['--dry-run', 'run'], { cwd: directory, encoding: 'utf8' });
  assert.match(commands, /exec node src\/main\.ts dev/);
  return commands.split('\n').some((line) => line.includes('npm ci') && !line.includes('tools/runtime &&'));
}

test('make run does not install what npm ci has installed', { skip: make.skip }, async (t) => {
  assert.equal(await installs(t, [lock, runtimeLock, runtime, developer, installed]), false);
});

test(
  'make run fetches Node for an installation by npm ci, and does not install again',
  { skip: make.skip },
  async (t) => {
    assert.equal(await installs(t, [lock, runtimeLock, developer, installed]), false);
    assert.equal(await installs(t, [lock, developer, installed, runtimeLock, runtime]), false);
  },
);

test('make run installs in a new clone, and after a change of the lock file', { skip: make.skip }, async (t) => {
  assert.equal(await installs(t, [lock, runtimeLock]), true);
  assert.equal(await installs(t, [runtimeLock, runtime, developer, installed, lock]), true);
});

test('make run completes an installation without development dependencies', { skip: make.skip }, async (t) => {
  assert.equal(await installs(t, [lock, runtimeLock, runtime, installed]), true);
});
