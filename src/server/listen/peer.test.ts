import assert from 'node:assert/strict';
import { test } from 'node:test';
import { directPeer, proxiedPeer, unknownAddress } from './peer.ts';

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
