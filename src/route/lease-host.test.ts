import assert from 'node:assert/strict';
import { test } from 'node:test';
import { matchHost } from './lease-host.ts';

function lease(authority: string): string {
  const match = matchHost(authority, 'peers.example');
  return match.kind === 'lease' ? match.lease : match.kind;
}

test('the label below the base domain names the lease, ignoring case, port and trailing dot', () => {
  for (const host of ['app.peers.example', 'APP.Peers.Example:8443', 'app.peers.example.', 'app.peers.example.:80']) {
    assert.equal(lease(host), 'app', host);
  }
  assert.equal(lease('my_app-2.peers.example'), 'my_app-2');
});

test('decodes punycode, and takes an invalid label literally', () => {
  assert.equal(lease('xn--bj0bj06e.peers.example'), '한글');
  assert.equal(lease('XN--BCHER-KVA.peers.example'), 'bücher');
  assert.equal(lease('xn--0.peers.example'), 'xn--0');
});

test('treats a label in the form of an id as an id, in capitals: hosts have no case', () => {
  assert.equal(lease('abcdefghijklmnopqrstuvwx27.peers.example'), 'ABCDEFGHIJKLMNOPQRSTUVWX27');
  assert.equal(lease('abcdefghijklmnopqrstuvwxyz.peers.example'), 'ABCDEFGHIJKLMNOPQRSTUVWXYZ');
});

test('the base domain and all other hosts belong to the gateway', () => {
  const own = ['peers.example', 'PEERS.example:80', 'xpeers.example', 'example', '127.0.0.1:80', '[::1]', '', 'a.b'];
  for (const host of own) assert.equal(lease(host), 'gateway', host);
  assert.equal(matchHost('a.peers.example', '').kind, 'gateway');
});

test('a host below the base domain that cannot be a lease is misdirected', () => {
  const bad = ['a.b.peers.example', '.peers.example', 'a%20b.peers.example', 'a~b.peers.example', 'é.peers.example'];
  for (const host of [...bad, `${'a'.repeat(64)}.peers.example`]) assert.equal(lease(host), 'misdirected', host);
});
