import assert from 'node:assert/strict';
import { chmod, mkdir, readFile, readdir, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { tempDirectory } from '../../test/helpers/temp-directory.ts';
import { createApiKey } from '../auth/api-key.ts';
import type { KeyDigests } from '../auth/key-digests.ts';
import { openKeyDigests, type KeptKeyDigests } from './key-digests-file.ts';

const bcrypt = `$2b$12$${'a'.repeat(53)}`;
const key = createApiKey('live');

async function pathIn(t: TestContext): Promise<string> {
  return join(await tempDirectory(t), 'state', 'key-digests');
}

/** Rejects on a warning. */
function open(path: string): Promise<KeptKeyDigests> {
  return openKeyDigests(path, (message, error) => {
    throw new Error(message, { cause: error });
  });
}

async function openedWithWarning(
  path: string,
): Promise<{ readonly kept: KeptKeyDigests; readonly warnings: string[] }> {
  const warnings: string[] = [];
  const kept = await openKeyDigests(path, (message, error) => {
    warnings.push(`${message}: ${String(error)}`);
  });
  return { kept, warnings };
}

async function keep(path: string, ...keys: readonly string[]): Promise<void> {
  const kept = await open(path);
  for (const one of keys) kept.digests.add(bcrypt + one, one);
  await kept.close();
}

const knows = (digests: KeyDigests, one: string): boolean => digests.has(bcrypt + one, one);

test('the next process recognises saved digests, and no others', async (t) => {
  const path = await pathIn(t);
  await keep(path, key);
  const { digests } = await open(path);
  assert.equal(knows(digests, key), true);
  const other = createApiKey('live');
  assert.equal(digests.has(bcrypt + key, other), false);
  assert.equal(digests.has(bcrypt, key), false);
});

test('file and secret are private to their owner, hold no key and no hash, and are created with the first key', async (t) => {
  const path = await pathIn(t);
  await keep(path);
  await assert.rejects(stat(dirname(path)), { code: 'ENOENT' });
  await keep(path, key);
  for (const file of [path, `${path}.secret`]) {
    assert.equal((await stat(file)).mode & 0o777, 0o600, file);
    const text = await readFile(file, 'utf8');
    assert.ok(!text.includes(key.slice(24, -6)) && !text.includes(bcrypt), file);
  }
  assert.equal((await stat(dirname(path))).mode & 0o777, 0o700);
  assert.deepEqual((await readdir(dirname(path))).sort(), ['key-digests', 'key-digests.secret']);
  await chmod(path, 0o640);
  await keep(path, createApiKey('live'));
  assert.equal((await stat(path)).mode & 0o777, 0o600);
});

test("two gateways share a file, and neither drops the other's digests", async (t) => {
  const path = await pathIn(t);
  await keep(path, key);
  const [first, second] = [await open(path), await open(path)];
  const [one, two] = [createApiKey('live'), createApiKey('live')];
  first.digests.add(bcrypt + one, one);
  second.digests.add(bcrypt + two, two);
  await Promise.all([first.close(), second.close()]);
  const { digests } = await open(path);
  for (const each of [key, one, two]) assert.equal(knows(digests, each), true);
});

test('ignores a file that is damaged or writable by others, and the gateway continues without it', async (t) => {
  const path = await pathIn(t);
  for (const [file, spoil] of [
    [`${path}.secret`, (name: string) => chmod(name, 0o604)],
    [path, (name: string) => chmod(name, 0o606)],
    [`${path}.secret`, (name: string) => writeFile(name, 'short')],
  ] as const) {
    await keep(path, key);
    await spoil(file);
    const { kept, warnings } = await openedWithWarning(path);
    assert.equal(warnings.length, 1);
    assert.ok(!warnings.join().includes((await readFile(file, 'utf8')).trim()));
    assert.equal(knows(kept.digests, key), false);
    kept.digests.add(bcrypt + key, key);
    assert.equal(knows(kept.digests, key), true);
    await chmod(file, 0o600);
    await writeFile(`${path}.secret`, `${Buffer.alloc(32, 1).toString('base64url')}\n`);
  }
});

test('digests of newly verified keys replace the ignored ones', async (t) => {
  const path = await pathIn(t);
  await keep(path, key);
  await chmod(path, 0o604);
  const { kept, warnings } = await openedWithWarning(path);
  assert.equal(warnings.length, 1);
  kept.digests.add(bcrypt + key, key);
  await kept.close();
  const { digests } = await open(path);
  assert.equal(knows(digests, key), true);
});

test('skips malformed lines', async (t) => {
  const path = await pathIn(t);
  await keep(path, key);
  const whole = await readFile(path, 'utf8');
  await writeFile(path, `\0\n${'x'.repeat(10_000)}\na b\n${whole}${whole.slice(0, 30)}`);
  const { digests } = await open(path);
  assert.equal(digests.all.length, 1);
  assert.equal(knows(digests, key), true);
});

test('uses readable digests even if none can be written, with one warning', async (t) => {
  // The names of the file and the secret just fit, the name of the lock does not: ENAMETOOLONG,
  // even for root.
  const path = join(await tempDirectory(t), 'd'.repeat(248));
  const source = await pathIn(t);
  await keep(source, key);
  await writeFile(path, await readFile(source), { mode: 0o600 });
  await writeFile(`${path}.secret`, await readFile(`${source}.secret`), { mode: 0o600 });
  const { kept, warnings } = await openedWithWarning(path);
  assert.equal(knows(kept.digests, key), true);
  for (let i = 0; i < 3; i += 1) {
    const one = createApiKey('live');
    kept.digests.add(bcrypt + one, one);
    assert.equal(knows(kept.digests, one), true);
    await kept.close();
  }
  assert.deepEqual(
    warnings.map((warning) => /cannot write the digests.*ENAMETOOLONG/.test(warning)),
    [true],
  );
});

test('an unusable state directory does not stop the gateway', async (t) => {
  const path = join(await pathIn(t), 'key-digests');
  await mkdir(dirname(dirname(path)));
  await writeFile(dirname(path), 'a file');
  const { kept, warnings } = await openedWithWarning(path);
  kept.digests.add(bcrypt + key, key);
  await kept.close();
  assert.equal(knows(kept.digests, key), true);
  assert.equal(warnings.length, 1);
});

test('limits the file size and keeps the most recently recognised keys', async (t) => {
  const path = await pathIn(t);
  const kept = await open(path);
  for (let i = 0; i < 15_100; i += 1) kept.digests.add(`${bcrypt}${i}`, `key ${i}`);
  await kept.close();
  const { size } = await stat(path);
  assert.ok(size < 1024 * 1024, `${size} bytes`);
  const { digests } = await open(path);
  assert.equal(digests.all.length, 15_000);
  assert.equal(digests.has(`${bcrypt}15099`, 'key 15099'), true);
  assert.equal(digests.has(`${bcrypt}99`, 'key 99'), false);
});
