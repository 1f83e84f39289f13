import assert from 'node:assert/strict';
import { test } from 'node:test';
import { absoluteForm, hostNameOf, isAuthority } from './authority.ts';

test('a host is a name or an address, with or without a port', () => {
  for (const good of ['a', 'a.example:8080', 'A_b-c.example.', '192.0.2.1:80', '[::1]', '[2001:DB8::1]:443', 'a:']) {
    assert.equal(isAuthority(good), true, good);
  }
  const bad = ['', ':80', 'a b', 'user@a', 'a/b', 'a?b', 'a,b', 'a:80:90', 'a:x', '[a', '[::1]x', 'a\\b', 'é', 'a%20b'];
  for (const text of [...bad, 'a'.repeat(300)]) assert.equal(isAuthority(text), false, text);
});

test('separates a host from its port', () => {
  assert.equal(hostNameOf('a.example:80'), 'a.example');
  assert.equal(hostNameOf('a.example'), 'a.example');
  assert.equal(hostNameOf('[::1]:80'), '[::1]');
  assert.equal(hostNameOf('[::1]'), '[::1]');
});

test('splits the absolute form into authority and origin-form target', () => {
  const rows: [target: string, authority: string, path: string][] = [
    ['http://a.example/x?y', 'a.example', '/x?y'],
    ['HTTPS://A:1//x', 'A:1', '//x'],
    ['http://a', 'a', '/'],
    ['http://a?q', 'a', '/?q'],
  ];
  for (const [target, authority, path] of rows) {
    assert.deepEqual(absoluteForm('GET', target), { authority, target: path }, target);
  }
});

test('OPTIONS for a host without a path becomes *', () => {
  assert.equal(absoluteForm('OPTIONS', 'http://a')?.target, '*');
  assert.equal(absoluteForm('OPTIONS', 'http://a/')?.target, '/');
  assert.equal(absoluteForm('OPTIONS', 'http://a?q')?.target, '/?q');
});

test('rejects any other form and targets without a host', () => {
  for (const target of [
    '/x',
    '*',
    'ftp://a/x',
    'http:/a',
    'http:///x',
    'http://u@a/x',
    'http://a b/',
    'a:80',
    'http://',
  ]) {
    assert.equal(absoluteForm('GET', target), undefined, target);
  }
});
