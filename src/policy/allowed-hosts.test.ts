import assert from 'node:assert/strict';
import process from 'node:process';
import { test } from 'node:test';
import { testPolicy } from '../../test/helpers/policy.ts';
import { allowedHosts } from './allowed-hosts.ts';
import { hostNameIn } from './host-names.ts';

function sorted(
  policy: Parameters<typeof testPolicy>[0],
  hosts: readonly string[],
  scheme: 'http' | 'https' = 'https',
) {
  const { allows } = allowedHosts(testPolicy(policy));
  return hosts.filter((host) => allows(host, scheme));
}

test('without a list: allows addresses, loopback names, the public host and names below the base domain', () => {
  const served = [
    ...['', 'localhost', 'LOCALHOST:3000', 'localhost.', 'app.localhost', '127.0.0.1', '127.0.0.1:8080', '192.0.2.1'],
    ...['[::1]', '[2001:DB8::1]:443', '[::ffff:192.0.2.1]', '0.0.0.0', 'gw.example', 'GW.example:8443', 'gw.example.'],
    ...['peers.example', 'app.peers.example', 'a.b.PEERS.example:80'],
  ];
  const foreign = [
    ...['evil.example', 'localhost.evil.example', 'xlocalhost', 'local', '127.0.0.1.evil.example', '127.1', '0x7f.1'],
    ...['[::1', '[::1]x', '[fe80::1%25eth0]', '[1.2.3.4]', 'gw.example.evil', 'xgw.example', 'a.gw.example'],
    ...['evilpeers.example', '.', ':80', `${'a.'.repeat(200)}localhost`],
  ];
  const policy = { publicHost: 'gw.example:8443', baseDomain: 'peers.example' };
  assert.deepEqual(sorted(policy, [...served, ...foreign]), served);
  assert.deepEqual(sorted({}, ['', 'peers.example', 'gw.example', 'evil.example']), ['']);
});

test('a list replaces the defaults: names, whole domains, addresses and ports', () => {
  const allowed = [
    'gw.example',
    '*.Apps.example',
    'port.example:8443',
    '*.ported.example:443',
    '[2001:db8::1]',
    '192.0.2.1:80',
  ];
  const served = [
    ...['gw.example', 'GW.EXAMPLE:1234', 'gw.example.', 'a.apps.example', 'a.b.apps.example:1', 'port.example:8443'],
    ...['x.ported.example', 'x.ported.example:443', '[2001:db8:0:0::1]:9', '192.0.2.1:80'],
  ];
  const foreign = [
    ...['', 'localhost', '127.0.0.1', 'apps.example', 'xapps.example', 'port.example', 'port.example:443'],
    ...['x.ported.example:80', 'ported.example', '[2001:db8::2]', '192.0.2.1', '192.0.2.1:443', 'public.example'],
  ];
  const policy = { allowedHosts: allowed, publicHost: 'public.example', baseDomain: 'public.example' };
  assert.deepEqual(sorted(policy, [...served, ...foreign]), served);
  assert.deepEqual(sorted({ allowedHosts: ['plain.example:80'] }, ['plain.example'], 'http'), ['plain.example']);
});

test('an asterisk allows every host', () => {
  const all = ['', 'evil.example', '[::1', 'x'.repeat(30_000)];
  assert.deepEqual(sorted({ allowedHosts: ['gw.example', '*'] }, all), all);
});

test('a very long Host costs no more than a short one', () => {
  const { allows } = allowedHosts(testPolicy({ allowedHosts: ['*.example'] }));
  const nasty = [
    'a.'.repeat(16_000),
    `[${':'.repeat(32_000)}]`,
    '.'.repeat(32_000),
    'a'.repeat(32_000),
    '['.repeat(32_000),
  ];
  for (const host of nasty) assert.equal(hostNameIn(host), undefined);
  const before = process.cpuUsage();
  for (let i = 0; i < 1_000; i += 1) for (const host of nasty) allows(host, 'https');
  // 40 µs per lookup; walking over 16,000 labels would take milliseconds.
  assert.ok(process.cpuUsage(before).user < 200_000);
});
