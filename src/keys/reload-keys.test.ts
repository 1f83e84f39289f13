// Tests the keys file without the command line: written keys can be read, errors have a place, and
// grace periods end.
import assert from 'node:assert/strict';
import { chmod, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { tempDirectory } from '../../test/helpers/temp-directory.ts';
import { findingLine } from '../config/source/origin.ts';
import { changeKeysFile } from './change-keys-file.ts';
import { stateOf, withCreated, withRotated, withoutRevoked } from './changes.ts';
import { LastUsed, lastUsedFile, readLastUsed } from './last-used.ts';
import { readKeysFile } from './read-keys-file.ts';
import { keyPolicies, type StoredKey } from './stored-key.ts';

const hashOf = (letter: string): string => `$2b$10$${letter.repeat(53)}`;

function stored(id: string, more: Partial<StoredKey> = {}): StoredKey {
  return {
    ...{ id, keyHash: hashOf(id.charAt(0)), keyPrefix: 'sk_live_0123456789abcdef', description: '' },
    ...{ scopes: ['read'], notBefore: '', expiresAt: '', allowedCidrs: [], createdAt: '', previous: [] },
    ...more,
  };
}

async function fileIn(t: TestContext): Promise<string> {
  return join(await tempDirectory(t), 'keys.yaml');
}

const day = 24 * 3_600_000;
const now = Date.UTC(2030, 0, 1);

test('reads back everything it has written, in a file that only its owner can read', async (t) => {
  const file = await fileIn(t);
  const all = stored('all', {
    description: 'with: "everything" #1',
    notBefore: '2030-01-01T00:00:00Z',
    expiresAt: '2031-01-01T00:00:00Z',
    allowedCidrs: ['10.0.0.0/8', '2001:db8::/32'],
    createdAt: '2030-01-01T00:00:00Z',
    previous: [{ keyHash: hashOf('z'), keyPrefix: '', expiresAt: '2030-06-01T00:00:00Z' }],
  });
  await changeKeysFile(file, [], () => [stored('bot'), all]);
  const { keys, faults } = await readKeysFile(file);
  assert.deepEqual(faults, []);
  assert.deepEqual(structuredClone(keys), [stored('bot'), all]);
  assert.equal((await stat(file)).mode & 0o777, 0o600);
});

test('a change keeps the permissions that the owner gave the group, and keeps a symbolic link', async (t) => {
  const file = await fileIn(t);
  const link = `${file}.link`;
  await changeKeysFile(file, [], () => [stored('bot')]);
  await chmod(file, 0o640);
  await symlink(file, link);
  await changeKeysFile(link, [], (keys) => [...keys, stored('cat')]);
  assert.equal((await stat(file)).mode & 0o777, 0o640);
  assert.deepEqual(
    (await readKeysFile(file)).keys.map(({ id }) => id),
    ['bot', 'cat'],
  );
});

test('never writes a file that the gateway could not read', async (t) => {
  const file = await fileIn(t);
  await changeKeysFile(file, [], () => [stored('bot')]);
  const before = await readFile(file, 'utf8');
  const wrong: [StoredKey[], RegExp][] = [
    [[stored('bot'), stored('bot')], /keys\[1\]\.id duplicates keys\[0\]\.id/],
    [[stored('bot', { allowedCidrs: ['nowhere'] })], /keys\[0\]\.allowed_cidrs\[0\] must be/],
    [[stored('bot', { id: 'a:b' })], /must not contain a colon/],
    [['a', 'b', 'c', 'd', 'e'].map((id) => stored(id, { keyPrefix: '' })), /keys\[4\]\.key_prefix is missing/],
  ];
  for (const [keys, message] of wrong)
    await assert.rejects(
      changeKeysFile(file, [], () => keys),
      message,
    );
  const others = [{ ...stored('dog'), key: '' }];
  await assert.rejects(
    changeKeysFile(file, others, (keys) => withCreated(keys, stored('dog', { keyHash: hashOf('x') }))),
    /keys\[1\]\.id duplicates the id of a key in auth\.keys of the configuration/,
  );
  assert.equal(await readFile(file, 'utf8'), before);
});

test('counts keys without a prefix in the configuration and in the file, including rotated ones', async (t) => {
  const file = await fileIn(t);
  const unprefixed = (id: string): StoredKey => stored(id, { keyPrefix: '' });
  const others = ['a', 'b'].map((id) => ({ ...unprefixed(id), key: '' }));
  const replaced = { keyHash: hashOf('p'), keyPrefix: '', expiresAt: '2030-06-01T00:00:00Z' };
  const two = ['c', 'd'].map(unprefixed);
  await changeKeysFile(file, others, () => two);
  const faultsOf = async (): Promise<string[]> => (await readKeysFile(file, others)).faults.map(findingLine);
  assert.deepEqual(await faultsOf(), []);
  await changeKeysFile(file, [], () => [...two, stored('e', { previous: [replaced] })]);
  assert.match((await faultsOf()).join(), /keys\[2\]\.previous\[0\]\.key_prefix is missing/);
});

test('reports faults with their place and rejects a file that everyone can access', async (t) => {
  const file = await fileIn(t);
  await writeFile(file, 'keys:\n  - id: bot\n    key_hash: secret-of-somebody\n    scope: read\n', { mode: 0o600 });
  const { keys, faults } = await readKeysFile(file);
  assert.deepEqual(keys, []);
  assert.deepEqual(faults.map(findingLine), [
    `${file}:3:15: keys[0].key_hash must be a bcrypt hash ($2a$, $2b$ or $2y$) of cost 10 to 14, not the given text`,
    `${file}:4:5: unknown setting keys[0].scope; did you mean keys[0].scopes?`,
  ]);
  await chmod(file, 0o604);
  assert.match((await readKeysFile(file)).faults.map(findingLine).join(), /every user of this machine.*chmod o=/);
  const missing = await readKeysFile(`${file}.gone`);
  assert.equal(missing.missing, true);
  assert.match(missing.faults.map(findingLine).join(), /does not exist/);
});

test('a rotation keeps the permissions of the key, and the old key expires after the grace period', () => {
  const secret = { keyHash: hashOf('n'), keyPrefix: 'sk_live_new0123456789abc' };
  const bot = stored('bot', { allowedCidrs: ['10.0.0.0/8'] });
  const [rotated] = withRotated([bot], 'bot', { secret, nowMs: now, graceMs: day });
  assert.ok(rotated);
  assert.deepEqual(
    keyPolicies(rotated).map((key) => [key.id, key.secret, key.expiresAtMs, key.allowedCidrs]),
    [
      ['bot', { kind: 'bcrypt', bcrypt: secret.keyHash, prefix: secret.keyPrefix }, undefined, ['10.0.0.0/8']],
      ['bot', { kind: 'bcrypt', bcrypt: bot.keyHash, prefix: bot.keyPrefix }, now + day, ['10.0.0.0/8']],
    ],
  );
  const atOnce = withRotated([rotated], 'bot', { secret, nowMs: now, graceMs: 0 });
  assert.deepEqual(atOnce[0]?.previous, []);
});

test('the grace period ends with the key; earlier keys keep theirs, and their number is limited', () => {
  const secret = { keyHash: hashOf('n'), keyPrefix: '' };
  const ending = stored('bot', { expiresAt: new Date(now + 1000).toISOString() });
  const [, old] = keyPolicies(withRotated([ending], 'bot', { secret, nowMs: now, graceMs: day })[0] ?? ending);
  assert.equal(old?.expiresAtMs, now + 1000);
  let keys: StoredKey[] = [stored('bot')];
  for (let i = 0; i < 4; i += 1) keys = withRotated(keys, 'bot', { secret, nowMs: now, graceMs: day });
  assert.throws(() => withRotated(keys, 'bot', { secret, nowMs: now, graceMs: day }), /4 earlier keys of "bot"/);
  const later = withRotated(keys, 'bot', { secret, nowMs: now + day, graceMs: day });
  assert.equal(later[0]?.previous.length, 1);
});

test('a rotation that extends the expiry does not extend the old key', () => {
  const secret = { keyHash: hashOf('n'), keyPrefix: '' };
  const rotation = { secret, nowMs: now, graceMs: day, expiresAt: new Date(now + 90 * day).toISOString() };
  const endOf = (expiresAt: string): string | undefined =>
    withRotated([stored('bot', { expiresAt })], 'bot', rotation)[0]?.previous[0]?.expiresAt;
  const soon = new Date(now + 1000).toISOString();
  assert.equal(endOf(soon), soon);
  assert.equal(endOf(new Date(now).toISOString()), undefined);
  assert.equal(endOf(''), new Date(now + day).toISOString());
});

test('unknown keys can be neither rotated nor revoked, and existing ones cannot be created again', () => {
  const secret = { keyHash: hashOf('n'), keyPrefix: '' };
  assert.throws(() => withoutRevoked([], 'bot'), /there is no key "bot" in the keys file; "keys list" shows/);
  assert.throws(() => withoutRevoked([stored('billing-bot')], 'bilingbot'), /; did you mean "billing-bot"\?$/);
  assert.throws(() => withRotated([], 'bot', { secret, nowMs: now, graceMs: 0 }), /there is no key "bot"/);
  assert.throws(() => withCreated([stored('bot')], stored('bot')), /the key "bot" already exists/);
  const expired = stored('bot', { expiresAt: new Date(now).toISOString() });
  assert.throws(() => withRotated([expired], 'bot', { secret, nowMs: now, graceMs: 0 }), /expired at .*--expires/);
  assert.equal(stateOf(expired, now), 'expired');
  assert.equal(stateOf(stored('bot', { notBefore: expired.expiresAt }), now - 1), 'not valid yet');
});

test('stores the last use beside the file: the latest of several gateways, for existing keys only', async (t) => {
  const file = await fileIn(t);
  const gateway = (): LastUsed =>
    new LastUsed({ keysFile: file, ids: () => new Set(['bot', 'cat']), failed: assert.ifError, everyMs: 2 ** 31 - 1 });
  const [one, other] = [gateway(), gateway()];
  one.note('bot', now + 5);
  one.note('gone', now);
  other.note('bot', now);
  other.note('cat', now);
  await one.close();
  await other.close();
  assert.deepEqual(
    await readLastUsed(file),
    new Map([
      ['bot', now + 5],
      ['cat', now],
    ]),
  );
  assert.equal((await stat(lastUsedFile(file))).mode & 0o777, 0o600);
});

test('reports once that the last use cannot be written', async (t) => {
  const file = join(await tempDirectory(t), 'gone', 'keys.yaml');
  const failures: unknown[] = [];
  const lastUsed = new LastUsed({
    keysFile: file,
    ids: () => new Set(['bot']),
    failed: (error) => failures.push(error),
  });
  for (let i = 0; i < 3; i += 1) {
    lastUsed.note('bot', now);
    await lastUsed.flush();
  }
  await lastUsed.close();
  assert.equal(failures.length, 1);
});
