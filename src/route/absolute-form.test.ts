import assert from 'node:assert/strict';
import { test } from 'node:test';
import { absoluteForm } from './absolute-form.ts';

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
