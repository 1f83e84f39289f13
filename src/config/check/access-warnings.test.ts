import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { loadText, warningLines } from '../../../test/helpers/config.ts';

const env = { KEY: '5e3f0c9b7a1d48265e3f' };
const key = 'auth: { keys: [{ id: one, key: "${KEY}", scopes: [read, mcp] }] }\n';
/** Hashes of no key: only their cost matters to the checks. */
const hashes = [10, 12, 12].map((cost, i) => `$2b$${cost}$${String(i).repeat(53)}`);

function sharing(count: number): string {
  const keys = Array.from({ length: count }, (_, i) => ({
    id: `key-${i}`,
    key_hash: `$2b$12$${String(i).repeat(53)}`,
    key_prefix: 'acme_key',
  }));
  return JSON.stringify({ auth: { keys }, lease_acl: { '*': ['*'] } });
}

const rows: readonly { readonly what: string; readonly text: string; readonly says: readonly RegExp[] }[] = [
  {
    what: 'rules for keys that exist',
    text: `${key}lease_acl: { a: [one], b-*: ["scope:mcp"], "*": ["*"] }`,
    says: [],
  },
  {
    what: 'no rule',
    text: key,
    says: [
      /^lease_acl allows no caller: .*403.*\{ my-app: \["\*"\] \} in the configuration file, or set LEASE_ACL='my-app=\*', or start with --allow 'my-app=\*'$/,
    ],
  },
  {
    what: 'neither a key nor a rule',
    text: '{}',
    says: [/^lease_acl allows no caller: /, /^auth\.keys is empty: /],
  },
  {
    what: 'rules without callers',
    text: `${key}lease_acl: { "*": [] }`,
    says: [/^gateway\.yaml:2:\d+: lease_acl allows no caller/],
  },
  {
    what: 'no rule and no authentication',
    text: 'auth: { enabled: false }',
    says: [/^lease_acl allows no caller: .*\["anonymous"\]/],
  },
  {
    what: 'a key that does not exist in any case',
    text: `${key}lease_acl: { app: [one, two, One] }`,
    says: [
      /^gateway\.yaml:2:\d+: lease_acl\.app\[1\] names a key that does not exist; add it with "portal-gateway keys create", or correct the id$/,
      /^gateway\.yaml:2:\d+: lease_acl\.app\[2\] names a key that does not exist; did you mean one\?$/,
    ],
  },
  {
    what: 'a scope that no key has',
    text: `${key}lease_acl: { app: [one, "scope:admin"] }`,
    says: [/lease_acl\.app\[1\] is a scope that no key has$/],
  },
  {
    what: 'names with typing mistakes',
    text: `${key}lease_acl: { app: [anonymus], b: [oen], c: ["scope:raed"] }`,
    says: [/exist; did you mean anonymous\?$/, /exist; did you mean one\?$/, /no key has; did you mean read\?$/],
  },
  {
    what: 'keys of a file that is not read here',
    text: `auth: { keys_file: keys.yaml }\nlease_acl: { app: [two, "scope:x"] }`,
    says: [],
  },
  {
    what: 'many keys with one prefix',
    text: sharing(5),
    says: [/auth\.keys\[0\]\.key_prefix is shared by 5 keys, .* use longer prefixes$/],
  },
  { what: 'a few keys with one prefix', text: sharing(4), says: [] },
  {
    what: 'one name in two spellings',
    text: `${key}lease_acl: { App: [one], app: [one] }`,
    says: [/lease_acl\.app is the same as "App": the two lists are combined$/],
  },
  {
    what: 'a name with a space, and two names in one rule',
    text: `${key}lease_acl: { my app: [one], "one,two": [one], größe: [one] }`,
    says: [
      /lease_acl\["my app"\] is a rule for one lease with a space in its name, .* write a rule for each$/,
      /lease_acl\["one,two"\] is a rule for one lease with a comma in its name/,
    ],
  },
  {
    what: 'an id in upper and in lower case',
    text: `${key}lease_acl: { ABCDEFGHIJKLMNOPQRSTUVWXYZ: [one], abcdefghijklmnopqrstuvwxyz: [one] }`,
    says: [
      /lease_acl\.abcdefghijklmnopqrstuvwxyz is the same as "ABCDEFGHIJKLMNOPQRSTUVWXYZ": the two lists are combined$/,
    ],
  },
  {
    what: 'hashes with different costs',
    text: `auth:\n  keys:\n${hashes.map((hash, i) => `    - { id: k${i}, key_prefix: sk_live_${i}, key_hash: "${hash}" }\n`).join('')}lease_acl: { "*": ["*"] }`,
    says: [/^gateway\.yaml:3:\d+: auth\.keys have bcrypt hashes of different costs \(10 and 12\), /],
  },
];

describe('warns about likely mistakes in keys and lease rules', () => {
  for (const { what, text, says } of rows) {
    test(what, async (t) => {
      const lines = warningLines(await loadText(t, text, { env })).filter((line) => !line.includes('plain text'));
      assert.equal(lines.length, says.length, lines.join('\n'));
      for (const [i, pattern] of says.entries()) assert.match(lines[i] ?? '', pattern);
    });
  }

  test('does not warn about settings that already have a fault', async (t) => {
    assert.deepEqual(warningLines(await loadText(t, `${key}lease_acl: { app: ["a:b"] }`, { env })), []);
  });
});
