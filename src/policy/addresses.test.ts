import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addressSet } from './addresses.ts';

test('finds addresses and blocks of both families', () => {
  const has = addressSet(['10.0.0.0/8', '192.0.2.1', '2001:db8::/32', '::1']);
  for (const ip of ['10.255.0.1', '192.0.2.1', '2001:db8:1::9', '::1']) assert.ok(has(ip), ip);
  for (const ip of ['11.0.0.1', '192.0.2.2', '2001:db9::1', '::2', '', 'localhost']) assert.ok(!has(ip), ip);
});

test('treats an IPv4 address and its mapped form as equal', () => {
  assert.ok(addressSet(['10.0.0.0/8'])('::ffff:10.1.2.3'));
  assert.ok(!addressSet(['10.0.0.0/8'])('::ffff:11.1.2.3'));
});

test('a mapped entry is the IPv4 one, and an IPv6 block contains no IPv4 address', () => {
  for (const entry of ['::ffff:10.0.0.0/104', '::ffff:a00:0/104', '0:0:0:0:0:FFFF:10.1.2.3']) {
    for (const ip of ['10.1.2.3', '::ffff:10.1.2.3', '::FFFF:a01:203']) assert.ok(addressSet([entry])(ip), entry);
    assert.ok(!addressSet([entry])('11.1.2.3'));
  }
  assert.deepEqual(['::1', '2001:db8::1', '10.1.2.3', '::ffff:10.1.2.3'].map(addressSet(['::/0'])), [
    ...[true, true],
    ...[false, false],
  ]);
  assert.ok(!addressSet(['0.0.0.0/0'])('2001:db8::1'));
  assert.ok(addressSet(['0.0.0.0/0'])('::ffff:192.0.2.1'));
});

test('an empty list contains no address', () => {
  assert.ok(!addressSet([])('127.0.0.1'));
});
