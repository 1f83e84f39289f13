// Tests bcrypt in threads against an independent implementation, with hashes made by a third one.
import assert from 'node:assert/strict';
import process from 'node:process';
import { test, type TestContext } from 'node:test';
import { compareSync, hashSync } from 'bcryptjs';
import { bcryptCompare, bcryptHash } from './bcrypt.ts';
import { bcryptCost } from './bcrypt-hash.ts';
import { BcryptThreads } from './bcrypt-threads.ts';

const lowestCost = 4;

function start(t: TestContext): BcryptThreads {
  const threads = new BcryptThreads();
  t.after(() => threads.close());
  return threads;
}

const keys: Readonly<Record<string, string>> = {
  'one byte': 'x',
  'a key of our form': 'sk_test_0123456789abcdefABCDEFGHIJKLMNOPQRSTUVWXYZ29cxxo',
  '71 bytes': 'k'.repeat(71),
  '72 bytes': 'k'.repeat(72),
  '72 bytes of 36 letters': 'é'.repeat(36),
  'non-ASCII letters': 'schlüssel-€-😀',
  'bytes that are not text, one per character': '\u00ff\u00a3345',
  'a NUL within': 'ab\0cd',
  'a NUL at the end': 'ab\0',
  'a NUL at the beginning': '\0ab',
};

for (const [what, key] of Object.entries(keys)) {
  test(`$2a$, $2b$ and $2y$: ${what}`, async (t) => {
    const threads = start(t);
    const made = hashSync(key, lowestCost);
    for (const version of ['$2a$', '$2b$', '$2y$']) {
      const hash = version + made.slice(4);
      assert.equal(await threads.compare(key, hash), true);
      assert.equal(await threads.compare(`${key.slice(0, -1)}!`, hash), false);
      assert.equal(await threads.compare(key.split('\0', 1)[0] ?? '', hash), !key.includes('\0'), 'truncated at NUL');
    }
    const ours = await bcryptHash(key, lowestCost);
    assert.match(ours, /^\$2b\$04\$/);
    assert.ok(compareSync(key, ours));
  });
}

test('verifies hashes of cost 10 to 14 made by other tools', async (t) => {
  const threads = start(t);
  for (const [cost, hash] of [
    [10, '$2b$10$L92AlJ9O8r5FwxF9hPHtc.YFaFHg7zfA/nH7EkU61vKdok.jP2TLm'],
    [11, '$2b$11$KZGczmIAGOngNwNotCeyqOHQQXsojnQN8YvOdmUWc5wu.LpaVk6qa'],
    [12, '$2b$12$nFfDXB5uoZyRQRo/2eucGOd9c0WfznPuOBy7gM2GE3gL4RSUV5IVi'],
    [13, '$2b$13$4dKv/SwPlPTVWkqNgXOzlep655cjsT6Xs.dbIkVpxdWY2KnhB8pHS'],
    [14, '$2b$14$zqd0b48DKAbujhvFb10JB.0tk3rEkiC71juO7Bdmn2OfSys/opOi2'],
  ] as const) {
    assert.equal(bcryptCost(hash), cost);
    assert.equal(await threads.compare('made-elsewhere-0123456789', hash), true);
  }
});

test('rejects an empty key and keys of more than 72 bytes, even where bcrypt would truncate one to a match', async () => {
  const hash = hashSync('k'.repeat(72), lowestCost);
  assert.ok(compareSync('k'.repeat(73), hash), 'truncated by other implementations');
  assert.equal(await bcryptCompare('k'.repeat(73), hash), false);
  assert.equal(await bcryptCompare('', hashSync('', lowestCost)), false);
  await assert.rejects(bcryptHash('k'.repeat(73), lowestCost));
});

test('a malformed bcrypt hash matches no key', async () => {
  const hash = hashSync('k', lowestCost);
  for (const other of ['', 'k', hash.slice(0, -1), hash.replace('$2b$', '$2x$'), hash.replace('$04$', '$99$')]) {
    assert.equal(await bcryptCompare('k', other), false, other);
  }
});

test('the event loop stays free while threads compute', async (t) => {
  const threads = start(t);
  const hash = '$2b$12$nFfDXB5uoZyRQRo/2eucGOd9c0WfznPuOBy7gM2GE3gL4RSUV5IVi';
  await threads.compare('warm', hashSync('warm', lowestCost));
  const [loop, all] = [process.threadCpuUsage(), process.cpuUsage()];
  for (let i = 0; i < 4; i += 1) assert.equal(await threads.compare('wrong', hash), false);
  const ofLoop = process.threadCpuUsage(loop).user;
  const ofAll = process.cpuUsage(all).user;
  // CPU time, because other processes slow down both. Four verifications take about a second; on
  // the event loop they would be nearly all of it.
  assert.ok(ofLoop < ofAll / 4, `${ofLoop} of ${ofAll} us on the event loop`);
});

test('starts one thread per concurrent comparison and reuses threads', async (t) => {
  const threads = start(t);
  const hash = hashSync('k', lowestCost);
  for (let round = 0; round < 3; round += 1) {
    const results = await Promise.all(Array.from({ length: 3 }, () => threads.compare('k', hash)));
    assert.deepEqual(results, [true, true, true]);
  }
  assert.equal(threads.size, 3);
});

test('a comparison rejects when its thread exits', async (t) => {
  const threads = start(t);
  const pending = assert.rejects(threads.compare('k', '$2b$14$zqd0b48DKAbujhvFb10JB.0tk3rEkiC71juO7Bdmn2OfSys/opOi2'));
  await threads.close();
  await pending;
  assert.equal(threads.size, 0);
  await assert.rejects(threads.compare('k', hashSync('k', lowestCost)));
});

test('a thread ends after 30 s without work, and the next verification starts another', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const threads = start(t);
  const hash = hashSync('key', lowestCost);
  await Promise.all([threads.compare('key', hash), threads.compare('key', hash)]);
  assert.equal(threads.size, 2);
  t.mock.timers.tick(20_000);
  assert.equal(await threads.compare('key', hash), true);
  t.mock.timers.tick(20_000);
  await shrinksTo(threads, 1);
  t.mock.timers.tick(10_000);
  await shrinksTo(threads, 0);
  assert.equal(await threads.compare('key', hash), true);
  assert.equal(threads.size, 1);
});

async function shrinksTo(threads: BcryptThreads, size: number): Promise<void> {
  while (threads.size > size) await new Promise((resolve) => setImmediate(resolve));
}
