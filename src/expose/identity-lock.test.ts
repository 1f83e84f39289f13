import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { test, type TestContext } from 'node:test';
import { pathToFileURL } from 'node:url';
import { tempDirectory } from '../../test/helpers/temp-directory.ts';
import { claimIdentity, type IdentityLock, takeOverIdentity } from './identity-lock.ts';

async function identityFile(t: TestContext): Promise<string> {
  const file = join(await tempDirectory(t), 'app.pem');
  await writeFile(file, '');
  return file;
}

async function locked(file: string): Promise<IdentityLock> {
  const claim = await claimIdentity(file);
  assert.ok(claim.kind === 'locked', claim.kind);
  return claim.lock;
}

/** The process that holds the lock. */
async function heldBy(file: string): Promise<number | undefined> {
  const claim = await claimIdentity(file);
  assert.ok(claim.kind === 'held', claim.kind);
  return claim.holder?.pid;
}

async function holderProcess(t: TestContext, file: string): Promise<ChildProcess> {
  const module = pathToFileURL(join(import.meta.dirname, 'identity-lock.ts')).href;
  const script = `
    const { claimIdentity } = await import(${JSON.stringify(module)});
    globalThis.claim = await claimIdentity(${JSON.stringify(file)});
    console.log(globalThis.claim.kind);
    setInterval(() => undefined, 1000);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.after(() => child.kill('SIGKILL'));
  assert.equal(String(((await once(child.stdout, 'data')) as [Buffer])[0]), 'locked\n');
  return child;
}

test('one process holds an identity, whatever path leads to it, and leaves only an empty file', async (t) => {
  const file = await identityFile(t);
  const link = `${file}.link`;
  await symlink(file, link);
  const lock = await locked(link);
  for (const path of [file, link]) assert.equal(await heldBy(path), process.pid);
  const { mode } = await stat(`${file}.holder`);
  assert.equal(mode & 0o777, 0o600);
  await lock.release();
  await lock.release();
  assert.deepEqual((await readdir(join(file, '..'))).sort(), ['app.pem', 'app.pem.link', 'app.pem.lock']);
  await (await locked(file)).release();
});

test('a killed process holds nothing, although its record remains', async (t) => {
  const file = await identityFile(t);
  const child = await holderProcess(t, file);
  assert.equal(await heldBy(file), child.pid);
  const ended = once(child, 'exit');
  child.kill('SIGKILL');
  await ended;
  await (await locked(file)).release();
});

test('never reports the record of a dead process, or an invalid record, as the holder', async (t) => {
  const gone = spawn(process.execPath, ['-e', '0']);
  await once(gone, 'exit');
  const records = [
    JSON.stringify({ pid: gone.pid, host: hostname(), token: 'x' }),
    '',
    'null',
    '{"pid":-1}',
    'x'.repeat(9_999),
  ];
  await Promise.all(
    records.map(async (record) => {
      const file = await identityFile(t);
      const lock = await locked(file);
      await writeFile(`${file}.holder`, record);
      assert.equal(await heldBy(file), undefined);
      await lock.release();
    }),
  );
});

test('the successor asks the holder to drain and gets the lock once it is released', async (t) => {
  const file = await identityFile(t);
  const first = await locked(file);
  const stop = new AbortController();
  const taking = takeOverIdentity(file, stop.signal);
  const successor = await first.drainRequest;
  assert.equal(successor.pid, process.pid);
  await first.release();
  const second = await taking;
  assert.ok(typeof second === 'object');
  assert.equal(await heldBy(file), process.pid);
  const third = takeOverIdentity(file, stop.signal);
  await second.drainRequest;
  stop.abort();
  assert.equal(await third, undefined);
  await second.release();
});

test('the next holder ignores a drain request for an earlier one, even in the same process', async (t) => {
  const file = await identityFile(t);
  const first = await locked(file);
  const taking = takeOverIdentity(file, t.signal);
  await first.drainRequest;
  const request = await readFile(`${file}.drain`, 'utf8');
  await first.release();
  const second = await taking;
  assert.ok(typeof second === 'object');
  await writeFile(`${file}.drain`, request);
  let isRequested = false;
  void second.drainRequest.then(() => (isRequested = true));
  await second.look();
  await second.look();
  assert.equal(isRequested, false);
  const stop = new AbortController();
  const third = takeOverIdentity(file, stop.signal);
  await second.drainRequest;
  stop.abort();
  await third;
  await second.release();
});

test('of many processes that start together, one gets the identity', async (t) => {
  const file = await identityFile(t);
  const claims = await Promise.all(Array.from({ length: 20 }, () => claimIdentity(file)));
  const locks = claims.flatMap((claim) => (claim.kind === 'locked' ? [claim.lock] : []));
  assert.equal(locks.length, 1);
  assert.ok(claims.every(({ kind }) => kind !== 'unlockable'));
  await locks[0]?.release();
});

test('reports the error code as the reason if no lock can be created', async (t) => {
  const file = await identityFile(t);
  assert.deepEqual(await claimIdentity(`${file}.none`), { kind: 'unlockable', reason: 'ENOENT' });
  await mkdir(`${file}.lock`);
  assert.equal((await claimIdentity(file)).kind, 'unlockable');
});

test('reports the error code as the reason if the holder cannot be asked', async (t) => {
  const file = await identityFile(t);
  const lock = await locked(file);
  await mkdir(`${file}.drain`);
  assert.equal(await takeOverIdentity(file, t.signal), 'EISDIR');
  await lock.release();
});
