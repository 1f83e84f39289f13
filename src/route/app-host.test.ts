import assert from 'node:assert/strict';
import { test } from 'node:test';
import { appHost } from './app-host.ts';

const id = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ';

test('a name that is a host name is the Host as it is', () => {
  for (const name of ['demo', 'My-App_2', 'a.b.c']) assert.equal(appHost({ id, name }), name);
});

test('other letters become punycode, since Go apps refuse a Host that is not ASCII', () => {
  assert.equal(appHost({ id, name: '한글' }), 'xn--bj0bj06e');
  assert.equal(appHost({ id, name: 'Bücher' }), 'xn--bcher-kva');
});

test('what can be no host name gives way to the id', () => {
  for (const name of ['', '(unnamed)', 'my app', 'a/b', 'a:80', 'a..b', '.a', 'x'.repeat(254), 'a\r\nb', 'user@host']) {
    assert.equal(appHost({ id, name }), id, name);
  }
});
