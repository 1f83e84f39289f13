// Invalid keys and lease rules: each gives one fault, at its position, with a remedy and without a
// secret.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { faultLines, loadText, warningLines } from '../../../test/helpers/config.ts';

const tail = 'abcdefghijklmnopqrstuv0123456789012345678901234567890';

function withHash(hash: string): string {
  return `auth: { keys: [{ id: a, key_prefix: sk_live_, key_hash: "${hash}" }] }`;
}

const rows: readonly { readonly what: string; readonly text: string; readonly says: RegExp }[] = [
  {
    what: 'a hash of too low a cost',
    text: withHash(`$2b$09$${tail}`),
    says: /auth\.keys\[0\]\.key_hash has the cost 9; it must be 10 to 14$/,
  },
  {
    what: 'a hash of too high a cost',
    text: withHash(`$2b$15$${tail}`),
    says: /has the cost 15; it must be 10 to 14$/,
  },
  {
    what: 'an unknown version of bcrypt',
    text: withHash(`$2x$12$${tail}`),
    says: /key_hash is not a complete bcrypt hash/,
  },
  { what: 'another kind of hash', text: withHash('$argon2id$v=19$x'), says: /key_hash must be a bcrypt hash/ },
  { what: 'a truncated hash', text: withHash(`$2b$12$${tail.slice(1)}`), says: /60 characters/ },
  { what: 'a hash that is too long', text: withHash(`$2b$12$${tail}.`), says: /60 characters/ },
  { what: 'a hash with invalid characters', text: withHash(`$2b$12$${tail.slice(1)}-`), says: /60 characters/ },
  {
    what: 'an id with a colon',
    text: 'auth: { keys: [{ id: "sub:a", key: "${A}" }] }',
    says: /keys\[0\]\.id must not contain a colon$/,
  },
  { what: 'an id that is *', text: 'auth: { keys: [{ id: "*", key: "${A}" }] }', says: /keys\[0\]\.id must be a name/ },
  {
    what: 'an id that is anonymous',
    text: 'auth: { keys: [{ id: anonymous, key: "${A}" }] }',
    says: /keys\[0\]\.id must be a name/,
  },
  ...['sub:u1', 'group:g', 'tenant:t'].map((principal) => ({
    what: `the principal ${principal}, which no caller can match yet`,
    text: `lease_acl: { a: ["*", "${principal}"] }`,
    says: /^gateway\.yaml:1:\d+: lease_acl\.a\[1\] is not supported yet: (?:sub|group|tenant): comes with .*; remove it$/,
  })),
  {
    what: 'a principal of an unknown kind',
    text: 'lease_acl: { a: ["role:x"] }',
    says: /lease_acl\.a\[0\] has the unknown kind role: \(only scope: is supported\)$/,
  },
  {
    what: 'two entries with one id',
    text: 'auth: { keys: [{ id: a, key: "${A}" }, { id: a, key: "${B}" }] }',
    says: /auth\.keys\[1\]\.id duplicates auth\.keys\[0\]\.id$/,
  },
  {
    what: 'one key in two entries',
    text: 'auth: { keys: [{ id: a, key: "${A}" }, { id: b, key: "${A}" }] }',
    says: /auth\.keys\[1\]\.key duplicates auth\.keys\[0\]\.key$/,
  },
  { what: 'neither key nor hash', text: 'auth: { keys: [{ id: a }] }', says: /keys\[0\] needs key_hash, or key$/ },
  {
    what: 'key and hash',
    text: `auth: { keys: [{ id: a, key: "\${A}", key_hash: "$2b$12$${tail}" }] }`,
    says: /key_hash cannot be combined with key: keep one of them$/,
  },
  {
    what: 'a prefix that is too short',
    text: 'auth: { keys: [{ id: a, key: "${A}", key_prefix: short }] }',
    says: /key_prefix must be the first 8 to 64/,
  },
  {
    what: 'a key with a space in it',
    text: 'auth: { keys: [{ id: a, key: "secret two" }] }',
    says: /keys\[0\]\.key must be a key of 1 to 512 visible/,
  },
  {
    what: 'a complete imported key as its prefix',
    text: `auth: { keys: [{ id: a, key_hash: "$2b$12$${tail}", key_prefix: "secret-${'x'.repeat(60)}" }] }`,
    says: /key_prefix holds too much of the key/,
  },
  {
    what: 'a complete key of our form as its prefix',
    text: `auth: { keys: [{ id: a, key_hash: "$2b$12$${tail}", key_prefix: sk_live_${'0123456789'.repeat(4)}abcdefgh }] }`,
    says: /key_prefix holds too much of the key/,
  },
  {
    what: 'a principal of an unknown kind',
    text: 'lease_acl: { app: ["user:a"] }',
    says: /lease_acl\.app\[0\] has the unknown kind user:/,
  },
  { what: 'a pattern with a star inside', text: 'lease_acl: { "a*b": ["*"] }', says: /a\*b/ },
  {
    what: 'an invalid time',
    text: 'auth: { keys: [{ id: a, key: "${A}", expires_at: tomorrow }] }',
    says: /expires_at must be a time/,
  },
  {
    what: 'a key that expires before it is valid',
    text: 'auth: { keys: [{ id: a, key: "${A}", not_before: 2027-01-02T00:00:00Z, expires_at: 2027-01-01T00:00:00Z }] }',
    says: /expires_at must be later than not_before$/,
  },
];

describe('rejects bad input in keys and lease rules', () => {
  for (const { what, text, says } of rows) {
    test(what, async (t) => {
      const lines = faultLines(await loadText(t, text, { env: { A: 'secret-a', B: 'secret-b' } }));
      assert.equal(lines.length, 1, lines.join('\n'));
      assert.match(lines[0] ?? '', says);
      assert.doesNotMatch(lines[0] ?? '', /secret|0123456789/);
    });
  }
});

test('accepts four hashes without a prefix and rejects the fifth with the reason', async (t) => {
  const load = async (count: number): Promise<string[]> => {
    const entries = Array.from({ length: count }, (_, i) => `{ id: k${i}, key_hash: "$2b$12$${i}${tail.slice(1)}" }`);
    const result = await loadText(t, `auth: { keys: [${entries.join(', ')}] }\nlease_acl: { "*": ["*"] }`);
    return [...faultLines(result), ...warningLines(result)];
  };
  assert.deepEqual(await load(4), []);
  const [fifth, ...more] = await load(5);
  assert.deepEqual(more, []);
  assert.match(
    fifth ?? '',
    /auth\.keys\[4\].*key_prefix is missing: every unknown key is verified against each key without a prefix/,
  );
});
