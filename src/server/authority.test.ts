import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isAuthority, isSameAuthority } from './authority.ts';

test('accepts host names and addresses, with or without a port', () => {
  for (const text of [
    ...['x', 'example.com', 'EXAMPLE.com.', 'a-b_c~d.example', '192.0.2.1', '192.0.2.1:80', 'x:0', 'x:65535', 'x:'],
    ...['[::1]', '[::1]:8080', '[2001:db8::1]:'],
  ]) {
    assert.ok(isAuthority(text), text);
  }
});

test('rejects invalid and ambiguous hosts', () => {
  for (const text of [
    ...['', ':80', 'u@x', 'u:p@x', 'x y', ' x', 'x,y', 'x/y', 'x?', 'x#', 'x:65536', 'x:-1', 'x:1x', 'x:1:2', 'x%41'],
    ...['[::1', '[]', '[x]', '[::1]x', '[::1]:x', '[::1%eth0]', '::1', 'x\\y', 'é', 'x\n', "x'", 'a;b', '*'],
  ]) {
    assert.ok(!isAuthority(text), text);
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
