import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { tempDirectory } from '../../../test/helpers/temp-directory.ts';
import { lockForLife } from './process-lock.ts';

const module = pathToFileURL(join(import.meta.dirname, 'process-lock.ts')).href;

test('one process holds it until release, which leaves only an empty file', async (t) => {
  const directory = await tempDirectory(t);
  const path = join(directory, 'a.lock');
  const first = await lockForLife(path);
  assert.equal(await lockForLife(path), undefined);
  first?.release();
  first?.release();
  const second = await lockForLife(path);
  assert.ok(second);
  second.release();
  assert.deepEqual(await readdir(directory), ['a.lock']);
  const { size, mode } = await stat(path);
  assert.deepEqual([size, mode & 0o777], [0, 0o600]);
});

test('a killed process releases it', async (t) => {
  const path = join(await tempDirectory(t), 'a.lock');
  const script = `
    const { lockForLife } = await import(${JSON.stringify(module)});
    globalThis.lock = await lockForLife(${JSON.stringify(path)});
    console.log(globalThis.lock === undefined ? 'no' : 'held');
    setInterval(() => undefined, 1000);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.after(() => child.kill('SIGKILL'));
  const [said] = (await once(child.stdout, 'data')) as [Buffer];
  assert.equal(said.toString(), 'held\n');
  assert.equal(await lockForLife(path), undefined);
  const ended = once(child, 'exit');
  child.kill('SIGKILL');
  await ended;
  const lock = await lockForLife(path);
  assert.ok(lock);
  lock.release();
});

test("reports Node's error if the file cannot be created", async (t) => {
  const directory = await tempDirectory(t);
  await assert.rejects(lockForLife(join(directory, 'none', 'a.lock')), { code: 'ENOENT' });
});
