import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdir, readdir, readFile, symlink, utimes, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { test, type TestContext } from 'node:test';
import { tempDirectory } from '../../test/helpers/temp-directory.ts';
import { KeysFileError } from './keys-file-error.ts';
import { withFileLock } from './file-lock.ts';

async function path(t: TestContext): Promise<string> {
  return join(await tempDirectory(t), 'keys.yaml');
}

const ownedBy = (pid: number, host = hostname()): string => JSON.stringify({ pid, host, token: 'other' });

test('the lock has one holder at a time and leaves nothing behind', async (t) => {
  const file = await path(t);
  await writeFile(file, '0');
  const increment = async (): Promise<void> => {
    const value = Number(await readFile(file, 'utf8'));
    await writeFile(file, String(value + 1));
  };
  await Promise.all(Array.from({ length: 20 }, () => withFileLock(file, increment)));
  assert.equal(await readFile(file, 'utf8'), '20');
  assert.deepEqual(await readdir(join(file, '..')), ['keys.yaml']);
});

test('releases the lock if the work fails', async (t) => {
  const file = await path(t);
  await assert.rejects(
    withFileLock(file, () => Promise.reject(new Error('the work'))),
    /the work/,
  );
  assert.deepEqual(await readdir(join(file, '..')), []);
});

test('takes over the lock of a dead process', async (t) => {
  const file = await path(t);
  const { pid } = spawnSync(process.execPath, ['--version']);
  await writeFile(`${file}.lock`, ownedBy(pid));
  assert.equal(await withFileLock(file, () => Promise.resolve('done'), 0), 'done');
});

test('takes over a lock that is too old, whatever it contains', async (t) => {
  for (const content of [ownedBy(1, 'elsewhere'), 'no lock of ours']) {
    const file = await path(t);
    await writeFile(`${file}.lock`, content);
    await utimes(`${file}.lock`, new Date(0), new Date(0));
    assert.equal(await withFileLock(file, () => Promise.resolve('done'), 0), 'done');
  }
});

test('a lock file that is a pipe or endless blocks no caller beyond its timeout', { timeout: 60_000 }, async (t) => {
  const pipe = await path(t);
  assert.equal(spawnSync('mkfifo', [`${pipe}.lock`]).status, 0);
  const endless = await path(t);
  await symlink('/dev/zero', `${endless}.lock`);
  for (const file of [pipe, endless])
    await assert.rejects(
      withFileLock(file, () => Promise.resolve('done'), 0),
      /is being changed by another process/,
    );
});

test('waits for the lock of a live process or of another machine, and then names the holder', async (t) => {
  for (const [owner, who] of [
    [ownedBy(process.pid), `process ${process.pid} on ${hostname()}`],
    [ownedBy(1, 'elsewhere'), 'process 1 on elsewhere'],
  ] as const) {
    const file = await path(t);
    await writeFile(`${file}.lock`, owner);
    await assert.rejects(
      withFileLock(file, () => Promise.reject(new Error('never')), 0),
      (error) => error instanceof KeysFileError && error.message.includes(`is being changed by ${who}`),
    );
    assert.equal(await readFile(`${file}.lock`, 'utf8'), owner);
  }
});

test('an owner that lost its lock detects this and leaves the lock to its new holder', async (t) => {
  const file = await path(t);
  await assert.rejects(
    withFileLock(file, async (lock) => {
      await lock.confirm();
      await writeFile(`${file}.lock`, ownedBy(process.pid));
      await lock.confirm();
    }),
    /was taken by another process/,
  );
  assert.equal(await readFile(`${file}.lock`, 'utf8'), ownedBy(process.pid));
});

test('waits for a lock that cannot be read, and then names it', async (t) => {
  const file = await path(t);
  await mkdir(`${file}.lock`);
  await assert.rejects(
    withFileLock(file, () => Promise.resolve('never'), 100),
    (error: unknown) => error instanceof KeysFileError && error.message.includes(`${file}.lock`),
  );
});
