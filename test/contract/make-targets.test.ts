// The variables of `make run`, and the targets with another name. `make -n` prints the recipes
// without running them.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import process from 'node:process';
import { test } from 'node:test';
import { needs } from '../helpers/needs.ts';
import { repository } from '../helpers/pages.ts';

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
