import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { tempDirectory } from '../../../test/helpers/temp-directory.ts';
import { isUnwritablePlace, makePrivateDirectory } from './state-place.ts';

const run = promisify(execFile);

test('creates missing directories for this user only, once for concurrent callers', async (t) => {
  const directory = await tempDirectory(t);
  await mkdir(join(directory, 'there'), { mode: 0o755 });
  const path = join(directory, 'there/a/b/c');
  await Promise.all(Array.from({ length: 20 }, () => makePrivateDirectory(path)));
  assert.equal((await stat(path)).mode & 0o777, 0o700);
  assert.equal((await stat(join(directory, 'there/a'))).mode & 0o777, 0o700);
  assert.equal((await stat(join(directory, 'there'))).mode & 0o777, 0o755);
});

const inProc = process.platform === 'linux' ? false : 'needs /proc';

test('reports a file system that accepts no directories, and does not retry forever', { skip: inProc }, async () => {
  // Run in a child process that can be killed: Node's recursive mkdir would block a thread and
  // consume memory without end.
  const script = `
    const { makePrivateDirectory } = await import(${JSON.stringify(import.meta.resolve('./state-place.ts'))});
    await makePrivateDirectory('/proc/portal-gateway/state').catch((error) => console.log(error.code));
  `;
  const options = { timeout: 20_000, killSignal: 'SIGKILL' } as const;
  const { stdout } = await run(process.execPath, ['--input-type=module', '--eval', script], options);
  assert.equal(stdout, 'ENOENT\n');
  const error = Object.assign(new Error(), { code: 'ENOENT' });
  assert.equal(await isUnwritablePlace('/proc/portal-gateway/state', error), true);
});
