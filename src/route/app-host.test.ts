import assert from 'node:assert/strict';
import { test } from 'node:test';
import { appHost } from './app-host.ts';

const id = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ';

test('uses a name that is a valid host name as the Host', () => {
  for (const name of ['demo', 'My-App_2', 'a.b.c']) assert.equal(appHost({ id, name }), name);
});

test('encodes other letters as punycode, since Go apps reject a non-ASCII Host', () => {
  assert.equal(appHost({ id, name: '한글' }), 'xn--bj0bj06e');
  assert.equal(appHost({ id, name: 'Bücher' }), 'xn--bcher-kva');
});

test('uses the id if the name cannot be a host name', () => {
  for (const name of ['', '(unnamed)', 'my app', 'a/b', 'a:80', 'a..b', '.a', 'x'.repeat(254), 'a\r\nb', 'user@host']) {
    assert.equal(appHost({ id, name }), id, name);
  }
});
