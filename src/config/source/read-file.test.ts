import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmod, mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { faultLines } from '../../../test/helpers/config.ts';
import { tempDirectory } from '../../../test/helpers/temp-directory.ts';
import { loadConfig } from '../load/load.ts';
import { openWords } from './secrets/secret-file.ts';
import { maxFileBytes } from './yaml.ts';

interface Case {
  readonly what: string;
  readonly prepare: (path: string) => unknown;
  readonly says: string;
}

const cases: readonly Case[] = [
  { what: 'a missing file', prepare: () => undefined, says: 'does not exist: create it, or correct the path' },
  { what: 'a directory', prepare: (path) => mkdir(path), says: 'is a directory: name a file in it' },
  {
    what: 'a pipe without a writer',
    prepare: (path) => execFileSync('mkfifo', [path]),
    says: 'is not a regular file',
  },
  {
    what: 'a link to itself',
    prepare: (path) => symlink(path, path),
    says: 'is a circular symbolic link',
  },
  { what: 'an empty file', prepare: (path) => writeFile(path, ''), says: 'is empty' },
  {
    what: 'text that is not UTF-8',
    prepare: (path) => writeFile(path, Buffer.from('a: caf\xe9', 'latin1')),
    says: 'is not UTF-8 text',
  },
  {
    what: 'UTF-16',
    prepare: (path) => writeFile(path, Buffer.from('\ufeffgateway: {}', 'utf16le')),
    says: 'is not UTF-8 text',
  },
  {
    what: 'a file of more than a megabyte',
    prepare: (path) => writeFile(path, '#'.repeat(maxFileBytes + 1)),
    says: `has more than ${maxFileBytes} bytes`,
  },
];

for (const { what, prepare, says } of cases) {
  test(`${what} is a single fault`, async (t) => {
    const path = join(await tempDirectory(t), 'gateway.yaml');
    await prepare(path);
    const result = await loadConfig({ file: path, env: {} });
    assert.deepEqual(faultLines(result), [`${path}:1:1: the configuration file ${says}`]);
    assert.deepEqual(result.files.paths, [path]);
  });
}

test('reports a path below a file as not found', async (t) => {
  const directory = await tempDirectory(t);
  await writeFile(join(directory, 'file'), '');
  const path = join(directory, 'file', 'gateway.yaml');
  assert.match(
    faultLines(await loadConfig({ file: path, env: {} }))[0] ?? '',
    /does not exist: create it, or correct the path$/,
  );
});

test('reports a file without read permission', () => {
  assert.equal(
    openWords(Object.assign(new Error(), { code: 'EACCES' })),
    'cannot be read by this user: change its owner or mode, or run as its owner',
  );
  assert.equal(openWords(Object.assign(new Error(), { code: 'EMFILE' })), 'could not be opened (EMFILE)');
});

test('follows links and skips a byte order mark', async (t) => {
  const directory = await tempDirectory(t);
  await writeFile(join(directory, 'real.yaml'), '\ufeffgateway:\n  port: 1234\n');
  await symlink('real.yaml', join(directory, 'gateway.yaml'));
  const result = await loadConfig({ file: 'gateway.yaml', env: {}, workingDirectory: directory });
  assert.ok(result.ok);
  assert.equal(result.config.gateway.port, 1234);
});

test('reads a file of exactly the maximum size', async (t) => {
  const path = join(await tempDirectory(t), 'gateway.yaml');
  const text = 'gateway: { port: 1234 }\n';
  await writeFile(path, text + '#'.repeat(maxFileBytes - text.length));
  await chmod(path, 0o400);
  const result = await loadConfig({ file: path, env: {} });
  assert.ok(result.ok);
  assert.equal(result.config.gateway.port, 1234);
});

test('GATEWAY_CONFIG names the file unless a flag does, and is ignored when empty', async (t) => {
  const directory = await tempDirectory(t);
  for (const name of ['one', 'two']) await writeFile(join(directory, name), `gateway: { base_domain: ${name}.test }`);
  const domain = async (env: Record<string, string>, file?: string): Promise<unknown> => {
    const result = await loadConfig({ file, env, workingDirectory: directory });
    return result.ok ? result.config.gateway.baseDomain : result.faults;
  };
  assert.equal(await domain({ GATEWAY_CONFIG: 'one' }), 'one.test');
  assert.equal(await domain({ GATEWAY_CONFIG: 'one' }, 'two'), 'two.test');
  assert.equal(await domain({ GATEWAY_CONFIG: '' }), '');
});
