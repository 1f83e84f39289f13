import assert from 'node:assert/strict';
import { test } from 'node:test';
import { directPeer, plainAddress, proxiedPeer, unknownAddress } from './peer.ts';

test('turns a mapped address into IPv4 and removes the zone', () => {
  const written = ['192.0.2.1', '::ffff:192.0.2.1', '2001:db8::1', 'fe80::1%eth0', 'fe80::1%3', '::1'];
  assert.deepEqual(written.map(plainAddress), ['192.0.2.1', '192.0.2.1', '2001:db8::1', 'fe80::1', 'fe80::1', '::1']);
});

test('only a direct peer counts as this machine, never a proxied one', () => {
  const addresses = ['127.0.0.1', '127.9.8.7', '::1', '192.0.2.1', unknownAddress];
  assert.deepEqual(
    addresses.map((ip) => [directPeer(ip, 1).loopback, proxiedPeer(ip, 1).loopback]),
    [
      [true, false],
      [true, false],
      [true, false],
      [false, false],
      [false, false],
    ],
  );
});
