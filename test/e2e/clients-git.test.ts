// git and curl, which can send a key only as the password of Basic, through the gateway.
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { gitServer } from '../helpers/git-server.ts';
import { needs } from '../helpers/needs.ts';
import { key, startPlainGateway } from '../helpers/plain-gateway.ts';
import { runProgram, type Run } from '../helpers/programs.ts';
import { tempDirectory } from '../helpers/temp-directory.ts';

const curl = needs('curl');
const git = needs('git');
const on = { policy: { auth: { basic: true } } };

async function run(...args: readonly string[]): Promise<Run> {
  const identity = ['-c', 'user.name=a', '-c', 'user.email=a@b.test', '-c', 'init.defaultBranch=main'];
  return runProgram(git.path, [...identity, ...args]);
}

async function works(...args: readonly string[]): Promise<void> {
  const { code, stderr } = await run(...args);
  assert.equal(code, 0, stderr);
}

test('git clones, commits and pushes with the key as the password', { skip: git.skip }, async (t) => {
  const directory = await tempDirectory(t);
  const [served, copy] = [join(directory, 'served'), join(directory, 'copy')];
  await works('init', '--bare', join(served, 'one.git'));
  const { port } = await startPlainGateway(t, gitServer(served), on);
  const url = (password: string): string => `http://any:${password}@127.0.0.1:${port}/peer/app/one.git`;
  await works('clone', url(key), copy);
  await writeFile(join(copy, 'file'), 'x'.repeat(3_000_000));
  await works('-C', copy, 'add', '.');
  await works('-C', copy, 'commit', '-m', 'one');
  await works('-C', copy, 'push', 'origin', 'HEAD:main');
  await works('clone', '-b', 'main', url(key), join(directory, 'again'));
  const wrong = await run('clone', url('wrong'), join(directory, 'wrong'));
  assert.equal(wrong.code, 128);
  assert.match(wrong.stderr, /Authentication failed/);
});

test('curl -u sends the key, and --anyauth chooses Basic by the challenge', { skip: curl.skip }, async (t) => {
  const { port } = await startPlainGateway(t, (_, response) => response.end('hello'), on);
  const url = `http://127.0.0.1:${port}/peer/app/`;
  for (const args of [
    ['-u', `any:${key}`],
    ['-u', `any:${key}`, '--anyauth'],
    ['-u', `:${key}`],
  ]) {
    const { stdout } = await runProgram(curl.path, ['-sS', ...args, url]);
    assert.equal(stdout.toString(), 'hello', args.join(' '));
  }
  const { stdout } = await runProgram(curl.path, [
    '-sS',
    '-u',
    `${key}:`,
    '-o',
    '/dev/null',
    '-w',
    '%{http_code}',
    url,
  ]);
  assert.equal(stdout.toString(), '401');
});
