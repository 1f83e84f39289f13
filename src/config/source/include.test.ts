// Configurations in several files, loaded from real directories.
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { faultLines, loadText, warningLines } from '../../../test/helpers/config.ts';
import { tempDirectory } from '../../../test/helpers/temp-directory.ts';
import { loadConfig } from '../load/load.ts';
import { printConfig } from '../load/print.ts';
import { nodeAt } from './sourced.ts';
import { readYaml, YamlBudget } from './yaml.ts';
import { maxIncludedFiles } from './include.ts';

const env = { A: '5e3f0c9b7a1d48265e3f', B: '7a1d48265e3f5e3f0c9b' };
const keyA = 'auth: { keys: [{ id: a, key: "${A}" }] }\n';
const keyB = 'auth: { keys: [{ id: b, key: "${B}" }] }\n';
type Files = Readonly<Record<string, string>>;

interface Fine {
  readonly what: string;
  readonly text: string;
  readonly files: Files;
  readonly acl: Readonly<Record<string, readonly string[]>>;
  readonly keys?: readonly string[];
}

const fine: readonly Fine[] = [
  {
    what: 'the files of a directory, in the order of their names',
    text: `include: conf.d/*.yaml\n${keyA}lease_acl: { a: [a] }`,
    files: {
      'conf.d/2.yaml': `${keyB}lease_acl: { c: [b] }`,
      'conf.d/1.yaml': 'lease_acl: { b: [a] }',
      'conf.d/x.yml': ':',
    },
    acl: { a: ['a'], b: ['a'], c: ['b'] },
    keys: ['a', 'b'],
  },
  {
    what: 'a list of names and patterns, each file once',
    text: 'include: [z.yaml, "*.yaml", conf.d/b.yaml]',
    files: { 'z.yaml': keyA, 'a.yaml': keyB, 'conf.d/b.yaml': 'lease_acl: { a: ["*"] }' },
    acl: { a: ['*'] },
    keys: ['a', 'b'],
  },
  {
    what: 'lists of both files for one lease',
    text: `include: more.yaml\n${keyA}lease_acl: { app: [a] }`,
    files: { 'more.yaml': `${keyB}lease_acl: { app: [b] }` },
    acl: { app: ['a', 'b'] },
    keys: ['a', 'b'],
  },
  {
    what: 'sections without a value on either side',
    text: `include: more.yaml\n${keyA}lease_acl:\nleases: { app: {} }`,
    files: { 'more.yaml': 'auth:\nlease_acl: { app: [a] }\nleases:' },
    acl: { app: ['a'] },
  },
  { what: 'no file', text: 'include:\nlease_acl: { a: ["*"] }', files: {}, acl: { a: ['*'] } },
  { what: 'an empty list', text: 'include: []\nlease_acl: { a: ["*"] }', files: {}, acl: { a: ['*'] } },
  {
    what: 'a file with comments only',
    text: 'include: more.yaml\nlease_acl: { a: ["*"] }',
    files: { 'more.yaml': '# nothing yet\n' },
    acl: { a: ['*'] },
  },
];

describe('includes', () => {
  for (const { what, text, files, acl, keys } of fine) {
    test(what, async (t) => {
      const result = await loadText(t, text, { files, env });
      assert.deepEqual(faultLines(result), []);
      assert.ok(result.ok);
      assert.deepEqual(result.config.leaseAcl, acl);
      if (keys !== undefined)
        assert.deepEqual(
          result.config.auth.keys.map(({ id }) => id),
          keys,
        );
    });
  }

  test('paths and secrets of an included file are relative to it', async (t) => {
    const files = {
      'conf.d/keys/a': 'a-key-in-a-file-of-its-own',
      'conf.d/a.yaml': 'auth: { keys: [{ id: a, key: "file:keys/a" }] }\nlogging: { file: { path: a.log } }',
    };
    const result = await loadText(t, 'include: conf.d/*.yaml', { files });
    assert.ok(result.ok, faultLines(result).join('\n'));
    assert.equal(result.config.auth.keys[0]?.key, 'a-key-in-a-file-of-its-own');
    assert.match(result.config.logging.file.path, /\/conf\.d\/a\.log$/);
  });

  test('every value keeps its origin', async (t) => {
    const files = { 'conf.d/a.yaml': `${keyB}gateway:\n  queue: 7\n` };
    const result = await loadText(t, `include: conf.d/*.yaml\n${keyA}gateway: { port: 1 }`, { files, env });
    assert.ok(result.ok, faultLines(result).join('\n'));
    const printed = printConfig(result.config, result.sources).map((line) => line.replace(/(?<! ) +#/, ' #'));
    assert.ok(printed.includes('  queue: 7 # conf.d/a.yaml:3:10'), printed.join('\n'));
    assert.ok(printed.includes('  port: 1 # gateway.yaml:3:18'));
    const id = nodeAt(result.sources, ['auth', 'keys', 1, 'id']);
    assert.deepEqual(id?.path, ['auth', 'keys', 1, 'id']);
    assert.equal(nodeAt(result.sources, ['include']), undefined);
  });

  test('environment and flags override every file', async (t) => {
    const files = { 'more.yaml': 'gateway: { queue: 7 }\nlease_acl: { a: [x] }' };
    const result = await loadText(t, 'include: more.yaml', {
      files,
      env: { ...env, GATEWAY_QUEUE: '8', LEASE_ACL: 'a=y' },
    });
    assert.ok(result.ok);
    assert.equal(result.config.gateway.queue, 8);
    assert.deepEqual(result.config.leaseAcl, { a: ['y'] });
  });
});

interface Faulty {
  readonly what: string;
  readonly text: string;
  readonly files?: Files;
  readonly says: readonly RegExp[];
}

const faulty: readonly Faulty[] = [
  {
    what: 'a fault, at its place in its file',
    text: 'include: conf.d/*.yaml\ngateway: { queue: x }',
    files: { 'conf.d/a.yaml': '#\ngateway:\n  prot: 1\n', 'conf.d/b.yaml': 'leases: { a: { hosts: 1 } }' },
    says: [
      /^conf\.d\/a\.yaml:3:3: unknown setting gateway\.prot; did you mean gateway\.port\?$/,
      /^conf\.d\/b\.yaml:1:16: unknown setting leases\.a\.hosts/,
      /^gateway\.yaml:2:19: gateway\.queue must be/,
    ],
  },
  {
    what: 'invalid YAML, at its place in its file, and nothing that follows from it',
    text: 'include: conf.d/*.yaml\ntls: { enabled: true }',
    files: { 'conf.d/a.yaml': 'tls: { cert_file: ${X} }', 'conf.d/b.yaml': 'a: b: c' },
    says: [/^conf\.d\/a\.yaml:1:19: is a reference without quotes/, /^conf\.d\/b\.yaml:1:4: is not "name: value"/],
  },
  {
    what: 'a setting in two files',
    text: 'include: conf.d/*.yaml\ngateway:\n  port: 1',
    files: { 'conf.d/a.yaml': 'gateway: { port: 2, queue: 1 }', 'conf.d/b.yaml': '#\ngateway: { queue: 2 }' },
    says: [
      /^conf\.d\/a\.yaml:1:12: gateway\.port is already set in gateway\.yaml:3:3: keep one of them$/,
      /^conf\.d\/b\.yaml:2:12: gateway\.queue is already set in conf\.d\/a\.yaml:1:21: keep one of them$/,
    ],
  },
  {
    what: 'a map and a list under one name',
    text: 'include: a.yaml\nlease_acl: { a: [x] }',
    files: { 'a.yaml': 'lease_acl: [a]' },
    says: [/^a\.yaml:1:1: lease_acl is already set in gateway\.yaml:2:1/],
  },
  {
    what: 'the same key in two files, with both places',
    text: `include: a.yaml\n${keyA}`,
    files: { 'a.yaml': 'auth:\n  keys:\n    - { id: a, key: "${B}" }' },
    says: [/^a\.yaml:3:13: auth\.keys\[1\]\.id duplicates auth\.keys\[0\]\.id \(gateway\.yaml:2:22\)$/],
  },
  {
    what: 'a file that does not exist',
    text: 'include: [a.yaml, b.yaml]',
    files: { 'a.yaml': '#' },
    says: [/^gateway\.yaml:1:19: the included file "b\.yaml" does not exist: create it, or correct the path$/],
  },
  {
    what: 'a directory that does not exist',
    text: 'include: conf.d/*.yaml',
    says: [
      /^gateway\.yaml:1:10: the directory "conf\.d" of the included files does not exist: create it, or correct the path$/,
    ],
  },
  {
    what: 'a directory, and an empty file',
    text: 'include: [conf.d, a.yaml]',
    files: { 'conf.d/a.yaml': '#', 'a.yaml': '' },
    says: [/included file "conf\.d" is a directory/, /included file "a\.yaml" is empty$/],
  },
  {
    what: 'an include in an included file',
    text: 'include: a.yaml',
    files: { 'a.yaml': '#\ninclude: b.yaml' },
    says: [/^a\.yaml:2:1: include is allowed in the configuration file itself only/],
  },
  {
    what: 'itself',
    text: 'include: ./gateway.yaml',
    says: [/^gateway\.yaml:1:10: include names the file that it is in$/],
  },
  {
    what: 'a wildcard in a directory',
    text: 'include: "*/a.yaml"',
    says: [/^gateway\.yaml:1:10: include has a wildcard in the directory of "\*\/a\.yaml": only the file name/],
  },
  ...['5', '{ a: b }', '[[a]]', '""', '[a, ~]', 'true'].map((value) => ({
    what: `${value} instead of names`,
    text: `include: ${value}`,
    files: { a: '#' },
    says: [/^gateway\.yaml:1:1\d: include must be the name of a file or a list of names, such as conf\.d\/\*\.yaml$/],
  })),
  {
    what: 'too many files',
    text: 'include: "*.yaml"',
    files: Object.fromEntries(Array.from({ length: maxIncludedFiles + 1 }, (_, i) => [`${i}.yaml`, '#'])),
    says: [/^gateway\.yaml:1:10: include names 101 files, but at most 100 are allowed$/],
  },
  { what: 'a typing mistake', text: 'inculde: a.yaml', says: [/unknown setting inculde; did you mean include\?$/] },
];

describe('reports', () => {
  for (const { what, text, files = {}, says } of faulty) {
    test(what, async (t) => {
      const lines = faultLines(await loadText(t, text, { files, env }));
      assert.equal(lines.length, says.length, lines.join('\n'));
      for (const [i, pattern] of says.entries()) assert.match(lines[i] ?? '', pattern);
    });
  }

  test('a pattern that matches nothing, as a warning', async (t) => {
    const result = await loadText(t, 'include: conf.d/*.yaml\nlease_acl: { a: ["anonymous"] }', {
      files: { 'conf.d/.a.yaml': ':' },
    });
    assert.deepEqual(warningLines(result), ['gateway.yaml:1:10: include "conf.d/*.yaml" matches no file']);
    assert.ok(result.ok);
  });

  test('a file whose name is not UTF-8, if the system allows one', async (t) => {
    const directory = await tempDirectory(t);
    await writeFile(join(directory, 'gateway.yaml'), 'include: "*.yaml"');
    const place = { env, file: 'gateway.yaml', workingDirectory: directory };
    await writeFile(join(directory, 'a\ufffd.yaml'), 'lease_acl: { a: ["*"] }');
    assert.deepEqual(faultLines(await loadConfig(place)), []);
    const name = Buffer.concat([Buffer.from(`${directory}/caf`), Buffer.of(0xe9), Buffer.from('.yaml')]);
    const refused = await writeFile(name, '#').catch((error: unknown) => (error as NodeJS.ErrnoException).code);
    const says =
      'gateway.yaml:1:10: the directory "." of the included files has a file whose name is not UTF-8, "caf\ufffd.yaml": rename it';
    assert.deepEqual(faultLines(await loadConfig(place)), refused === 'EILSEQ' ? [] : [says]);
  });

  test('files that are too large together', () => {
    const budget = new YamlBudget();
    budget.values = 9;
    assert.deepEqual(readYaml('a: [1, 2, 3]', 'a.yaml', budget).faults, []);
    const [fault] = readYaml('a: [1, 2, 3]', 'b.yaml', budget).faults;
    assert.match(fault?.message ?? '', /^is too large: a configuration has at most 5000000 values/);
  });
});
