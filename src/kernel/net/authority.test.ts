import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hostOf, isAuthority, isSameAuthority, parseAuthority } from './authority.ts';

const longest = 'a'.repeat(254);

const valid: [text: string, host: string, port: string | undefined][] = [
  ['x', 'x', undefined],
  ['example.com', 'example.com', undefined],
  ['EXAMPLE.com.', 'EXAMPLE.com.', undefined],
  ['A_b-c.example.', 'A_b-c.example.', undefined],
  ['a-b_c~d.example', 'a-b_c~d.example', undefined],
  ['a.example:8080', 'a.example', '8080'],
  ['192.0.2.1', '192.0.2.1', undefined],
  ['192.0.2.1:80', '192.0.2.1', '80'],
  ['x:0', 'x', '0'],
  ['x:65535', 'x', '65535'],
  ['x:', 'x', ''],
  ['[::1]', '[::1]', undefined],
  ['[::1]:8080', '[::1]', '8080'],
  ['[2001:db8::1]:', '[2001:db8::1]', ''],
  ['[2001:DB8::1]:443', '[2001:DB8::1]', '443'],
  ['[::ffff:192.0.2.1]', '[::ffff:192.0.2.1]', undefined],
  [`${longest}:65535`, longest, '65535'],
];

test('accepts host names and addresses, with or without a port', () => {
  for (const [text, host, port] of valid) {
    assert.ok(isAuthority(text), text);
    assert.deepEqual(parseAuthority(text), { host, port }, text);
    assert.equal(hostOf(text), host, text);
  }
});

test('rejects invalid and ambiguous hosts', () => {
  for (const text of [
    // These three were valid in some places and invalid in others.
    ...['a:99999', '[1:2]', '[fe80::1%eth0]'],
    ...['', ':80', 'u@x', 'u:p@x', 'user@a', 'x y', 'a b', ' x', 'x,y', 'a,b', 'x/y', 'a/b', 'x?', 'a?b', 'x#'],
    ...['x:65536', 'x:-1', 'x:1x', 'x:1:2', 'a:80:90', 'a:x', 'x:000080', 'x%41', 'a%20b', 'x:+1', 'x:1 '],
    ...['[::1', '[a', '[]', '[x]', '[]:80', '[::1]x', '[::1]:x', '[::1]:65536', '[::1]:1:2', '[[::1]]', '::1', ']'],
    ...['[fe80::1%25eth0]', '[fe80::1%25eth0]:80', '[1.2.3.4]', '[v1.x]', '[::1] ', '[:1]', '[12345::1]'],
    ...[
      'x\\y',
      'a\\b',
      'é',
      'x\n',
      'x\0',
      "x'",
      'a;b',
      '*',
      '*.x',
      'a!b',
      'a(b)',
      `${longest}b:65535`,
      'a'.repeat(300),
    ],
  ]) {
    assert.ok(!isAuthority(text), text);
    assert.equal(parseAuthority(text), undefined, text);
  }
});

test('compares authorities by host and port', () => {
  assert.ok(isSameAuthority('x', 'x', 'http'));
  assert.ok(isSameAuthority('X.example:80', 'x.EXAMPLE', 'http'));
  assert.ok(isSameAuthority('x:443', 'x:', 'https'));
  assert.ok(!isSameAuthority('x:443', 'x', 'http'));
  assert.ok(!isSameAuthority('x:80', 'x', 'https'));
  assert.ok(!isSameAuthority('x', 'y', 'http'));
});

test('without a scheme, both default ports are the default', () => {
  for (const authority of ['x', 'x:', 'x:80', 'X:443']) assert.ok(isSameAuthority('x', authority, undefined));
  assert.ok(!isSameAuthority('x', 'x:8080', undefined));
});
