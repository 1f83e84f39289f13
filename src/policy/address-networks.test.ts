import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addressNetworks, widestNetwork } from './address-networks.ts';

test('an address belongs to networks of growing size', () => {
  for (const [ip, networks] of [
    ['192.0.2.7', ['192.0.2.7', '192.0.2.0/24']],
    ['2001:db8:1:2345::9', ['2001:db8:1:2345::/64', '2001:db8:1:2300::/56', '2001:db8:1::/48']],
    ['2001:db8::1', ['2001:db8:0:0::/64', '2001:db8:0:0::/56', '2001:db8:0::/48']],
    ['fe80::1%eth0', ['fe80:0:0:0::/64', 'fe80:0:0:0::/56', 'fe80:0:0::/48']],
    ['::1', ['0:0:0:0::/64', '0:0:0:0::/56', '0:0:0::/48']],
    ['', ['']],
  ] as const) {
    assert.deepEqual(addressNetworks(ip), networks, ip);
    assert.equal(widestNetwork(ip), networks.at(-1), ip);
  }
});
