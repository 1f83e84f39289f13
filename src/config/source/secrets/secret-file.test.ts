import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { chmod, mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { faultLines, warningLines } from '../../../../test/helpers/config.ts';
import { tempDirectory } from '../../../../test/helpers/temp-directory.ts';
import { loadConfig, type LoadResult } from '../../load/load.ts';

const mark = 'mark-of-a-secret';

interface Prepared {
  readonly directory: string;
  readonly load: () => Promise<LoadResult>;
}

/** gateway.yaml in `conf`, with a reference to `../secret`. */
async function prepared(
  t: TestContext,
  setting = 'auth: { keys: [{ id: one, key: "file:../secret" }] }\nlease_acl: { "*": ["*"] }',
): Promise<Prepared> {
  const directory = await tempDirectory(t);
  await mkdir(join(directory, 'conf'));
  await writeFile(join(directory, 'conf/gateway.yaml'), setting);
  return {
    directory,
    load: () => loadConfig({ file: 'conf/gateway.yaml', env: {}, workingDirectory: directory }),
  };
}

async function secretFile({ directory }: Prepared, text: string, mode = 0o600): Promise<string> {
  const path = join(directory, 'secret');
  await writeFile(path, text);
  await chmod(path, mode);
  return path;
}

function keyOf(result: LoadResult): string | undefined {
  assert.deepEqual(faultLines(result), []);
  return result.ok ? result.config.auth.keys[0]?.key : undefined;
}

function faultOf(result: LoadResult): string {
  const [line = '', ...more] = faultLines(result);
  assert.deepEqual(more, []);
  assert.ok(!line.includes(mark));
  return line;
}

describe('a secret in a file', () => {
  for (const [what, text] of [
    ['unchanged', mark],
    ['without the line ending', `${mark}\n`],
    ['without a Windows line ending', `${mark}\r\n`],
  ] as const) {
    test(`is its content ${what}; the path is relative to the file that names it`, async (t) => {
      const place = await prepared(t);
      const path = await secretFile(place, text);
      const result = await place.load();
      assert.equal(keyOf(result), mark);
      assert.deepEqual(result.files.paths, [join(place.directory, 'conf/gateway.yaml'), path]);
      assert.deepEqual(result.warnings, []);
    });
  }

  test('only the last line ending is removed; a second one makes the key invalid', async (t) => {
    const place = await prepared(t);
    await secretFile(place, `${mark}\n\n`);
    assert.equal(
      faultOf(await place.load()),
      'conf/gateway.yaml:1:32: auth.keys[0].key must be a key of 1 to 512 visible ASCII characters, not the given text',
    );
  });

  test('is found through links, as Kubernetes mounts it', async (t) => {
    const place = await prepared(t);
    await mkdir(join(place.directory, '..2026'));
    await writeFile(join(place.directory, '..2026/secret'), mark, { mode: 0o600 });
    await symlink('..2026', join(place.directory, '..data'));
    await symlink('..data/secret', join(place.directory, 'secret'));
    assert.equal(keyOf(await place.load()), mark);
  });

  test('causes a warning if every user may read it', async (t) => {
    const place = await prepared(t);
    const path = await secretFile(place, mark, 0o644);
    const result = await place.load();
    assert.equal(keyOf(result), mark);
    assert.deepEqual(warningLines(result), [
      `conf/gateway.yaml:1:32: auth.keys[0].key is in "${path}", which every user of this machine may read`,
    ]);
  });

  for (const [mode, clause] of [
    [0o602, 'every user of this machine may change it: run "chmod o= PATH"'],
    [0o660, 'the users of its group may change it: run "chmod g-w PATH"'],
  ] as const) {
    test(`is rejected if others may change it: mode ${mode.toString(8)}`, async (t) => {
      const place = await prepared(t);
      const path = await secretFile(place, mark, mode);
      const says = `is in ${JSON.stringify(path)}, but ${clause.replace('PATH', path)}`;
      assert.equal(faultOf(await place.load()), `conf/gateway.yaml:1:32: auth.keys[0].key ${says}`);
    });
  }

  test('is rejected if others may replace it', async (t) => {
    const place = await prepared(t);
    await secretFile(place, mark);
    await chmod(place.directory, 0o777);
    assert.match(
      faultOf(await place.load()),
      /every user of this machine may write to the directory "[^"]+", and so replace it: run "chmod go-w/,
    );
  });

  test('may be readable by a group without a warning', async (t) => {
    const place = await prepared(t);
    await secretFile(place, mark, 0o640);
    assert.deepEqual((await place.load()).warnings, []);
  });
});

describe('reports an unusable secret file at its reference', () => {
  const cases: readonly (readonly [string, (path: string) => unknown, string])[] = [
    ['no file', () => undefined, 'names the file PATH, which does not exist: create it, or correct the path'],
    ['a directory', (path) => mkdir(path), 'names PATH, which is not a regular file'],
    ['a pipe without a writer', (path) => execFileSync('mkfifo', [path]), 'names PATH, which is not a regular file'],
    ['a link in a loop', (path) => symlink(path, path), 'names the file PATH, which is a circular symbolic link'],
    ['an empty file', (path) => writeFile(path, ''), 'is in PATH, which is empty'],
    ['a file with an empty line', (path) => writeFile(path, '\n'), 'is in PATH, which is empty'],
    ['a huge file', (path) => writeFile(path, mark.repeat(10_000)), 'is in PATH, which has more than 65536 bytes'],
  ];
  for (const [what, prepare, says] of cases) {
    test(what, async (t) => {
      const place = await prepared(t);
      const path = join(place.directory, 'secret');
      await prepare(path);
      const shown = says.replace('PATH', JSON.stringify(path));
      assert.equal(faultOf(await place.load()), `conf/gateway.yaml:1:32: auth.keys[0].key ${shown}`);
    });
  }

  test('a file of bytes', async (t) => {
    const place = await prepared(t);
    await writeFile(join(place.directory, 'secret'), Buffer.from([0xff, 0x00, 0x80]));
    assert.match(faultOf(await place.load()), /auth\.keys\[0\]\.key must be a key/);
  });
});

describe("the gateway's own private key", () => {
  const setting = 'portal: { identity: "file:../secret" }';
  const pem = (type: 'ed25519' | 'x25519'): string => {
    // Two calls, because their types differ.
    const { privateKey } = type === 'ed25519' ? generateKeyPairSync('ed25519') : generateKeyPairSync('x25519');
    return privateKey.export({ type: 'pkcs8', format: 'pem' });
  };

  test('is read from a file that only its owner may access', async (t) => {
    const place = await prepared(t, setting);
    const text = pem('ed25519');
    await secretFile(place, text);
    const result = await place.load();
    assert.ok(result.ok);
    assert.equal(result.config.portal.identity, text.trimEnd());
  });

  for (const [mode, clause] of [
    [0o604, 'every user of this machine may use it'],
    [0o644, 'every user of this machine may use it'],
    [0o602, 'every user of this machine may change it'],
    [0o601, 'every user of this machine may use it'],
    [0o640, 'the users of its group may use it'],
  ] as const) {
    test(`is rejected from a file of mode ${mode.toString(8)}`, async (t) => {
      const place = await prepared(t, setting);
      const path = await secretFile(place, pem('ed25519'), mode);
      assert.equal(
        faultOf(await place.load()),
        `conf/gateway.yaml:1:21: portal.identity is in "${path}", but ${clause}: run "chmod 600 ${path}"`,
      );
    });
  }

  test('is rejected if it is of another type or invalid', async (t) => {
    const place = await prepared(t, setting);
    await secretFile(place, pem('x25519'));
    const where = 'conf/gateway.yaml:1:21: portal.identity must be an Ed25519 private key';
    assert.equal(faultOf(await place.load()), `${where}, not one of type x25519`);
    await secretFile(place, `-----BEGIN PRIVATE KEY-----\n${mark}\n-----END PRIVATE KEY-----\n`);
    assert.equal(faultOf(await place.load()), `${where} in PEM, not the given text`);
  });
});
