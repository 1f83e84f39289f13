import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addressSet, isLoopback } from './addresses.ts';

test('addresses and blocks of both families are found', () => {
  const has = addressSet(['10.0.0.0/8', '192.0.2.1', '2001:db8::/32', '::1']);
  for (const ip of ['10.255.0.1', '192.0.2.1', '2001:db8:1::9', '::1']) assert.ok(has(ip), ip);
  for (const ip of ['11.0.0.1', '192.0.2.2', '2001:db9::1', '::2', '', 'localhost']) assert.ok(!has(ip), ip);
});

test('an IPv4 address is the same when it is written as a mapped one', () => {
  assert.ok(addressSet(['10.0.0.0/8'])('::ffff:10.1.2.3'));
  assert.ok(!addressSet(['10.0.0.0/8'])('::ffff:11.1.2.3'));
});

test('an empty list holds nobody', () => {
  assert.ok(!addressSet([])('127.0.0.1'));
});

test('loopback is this machine', () => {
  assert.deepEqual(['127.0.0.1', '127.8.0.1', '::1', '127.example.com', '128.0.0.1', '::2'].map(isLoopback), [
    ...[true, true, true],
    ...[false, false, false],
  ]);
});
