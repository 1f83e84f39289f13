import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  canonicalIp,
  hasZone,
  ipv6Groups,
  isLoopback,
  parseIp,
  serverNameOf,
  urlHost,
  withoutBrackets,
  unmappedIp,
} from './ip.ts';

test('every spelling of an address has one canonical form', () => {
  for (const [text, family, address] of [
    ['192.0.2.1', 'ipv4', '192.0.2.1'],
    ['::ffff:192.0.2.1', 'ipv4', '192.0.2.1'],
    ['::FFFF:c000:201', 'ipv4', '192.0.2.1'],
    ['0:0:0:0:0:ffff:192.0.2.1', 'ipv4', '192.0.2.1'],
    ['::ffff:192.0.2.1%eth0', 'ipv4', '192.0.2.1'],
    ['2001:0DB8:0:0:0:0:0:1', 'ipv6', '2001:db8::1'],
    ['2001:db8:0:1:0:0:0:1', 'ipv6', '2001:db8:0:1::1'],
    ['fe80::1%eth0', 'ipv6', 'fe80::1'],
    ['::', 'ipv6', '::'],
  ] as const) {
    assert.deepEqual(parseIp(text), { family, address }, text);
    assert.equal(canonicalIp(text), address, text);
  }
});

test('unmapping keeps the spelling of other IPv6 addresses', () => {
  for (const [text, family, address] of [
    ['::ffff:192.0.2.1', 'ipv4', '192.0.2.1'],
    ['0000:0:0:0:0:FFFF:c000:201', 'ipv4', '192.0.2.1'],
    ['192.0.2.1', 'ipv4', '192.0.2.1'],
    ['2001:0DB8::1', 'ipv6', '2001:0DB8::1'],
    ['fe80::1%eth0', 'ipv6', 'fe80::1%eth0'],
  ] as const) {
    assert.deepEqual(unmappedIp(text), { family, address }, text);
  }
  assert.equal(unmappedIp('2001:db8'), undefined);
});

test('other text is not an address, and stays as it is', () => {
  for (const text of ['', 'unknown', '[::1]', '192.0.2.1:80', '192.0.2', '01.2.3.4', '1:2', '::1::', '::ffff:1.2.3']) {
    assert.equal(parseIp(text), undefined, text);
    assert.equal(canonicalIp(text), text);
  }
});

test('an IPv6 address has eight groups in every spelling', () => {
  for (const [text, groups] of [
    ['::', [0, 0, 0, 0, 0, 0, 0, 0]],
    ['2001:DB8::9', [0x2001, 0xdb8, 0, 0, 0, 0, 0, 9]],
    ['1:2:3:4:5:6:7:8', [1, 2, 3, 4, 5, 6, 7, 8]],
    ['1::', [1, 0, 0, 0, 0, 0, 0, 0]],
    ['::ffff:192.0.2.1', [0, 0, 0, 0, 0, 0xffff, 0xc000, 0x201]],
    ['64:ff9b::255.255.255.255', [0x64, 0xff9b, 0, 0, 0, 0, 0xffff, 0xffff]],
    ['fe80::1%eth0', [0xfe80, 0, 0, 0, 0, 0, 0, 1]],
  ] as const) {
    assert.deepEqual(ipv6Groups(text), groups, text);
  }
});

test('recognises loopback addresses', () => {
  assert.deepEqual(['127.0.0.1', '127.8.0.1', '::1', '127.example.com', '128.0.0.1', '::2'].map(isLoopback), [
    ...[true, true, true],
    ...[false, false, false],
  ]);
});

test('only IPv6 addresses have brackets in URLs', () => {
  for (const [host, url] of [
    ['::1', '[::1]'],
    ['192.0.2.1', '192.0.2.1'],
    ['a.example', 'a.example'],
  ] as const) {
    assert.equal(urlHost(host), url);
    assert.equal(withoutBrackets(url), host);
  }
  for (const text of ['[::1', '::1]', '[a]', '[]', '']) assert.equal(withoutBrackets(text), text);
});

test('addresses are not sent in SNI', () => {
  assert.deepEqual(['a.example', '192.0.2.1', '::1'].map(serverNameOf), ['a.example', '', '']);
});

test('a zone is recognised', () => {
  assert.deepEqual(['fe80::1%eth0', 'fe80::1'].map(hasZone), [true, false]);
});
