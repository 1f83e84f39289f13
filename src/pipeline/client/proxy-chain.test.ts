import assert from 'node:assert/strict';
import { test } from 'node:test';
import { proxyChain, reportedByProxy } from './proxy-chain.ts';

const proxies = new Set(['10.0.0.1', '10.0.0.2', '2001:db8::a']);

function chain(...named: readonly string[]): readonly string[] {
  const { clientIp, proxies: believed } = proxyChain('10.0.0.1', named, (address) => proxies.has(address));
  return [clientIp, ...believed];
}

test('the right-most untrusted address is the client', () => {
  assert.deepEqual(chain('192.0.2.1'), ['192.0.2.1', '10.0.0.1']);
  assert.deepEqual(chain('198.51.100.9', '192.0.2.1'), ['192.0.2.1', '10.0.0.1']);
  assert.deepEqual(chain('198.51.100.9', '192.0.2.1', '10.0.0.2'), ['192.0.2.1', '10.0.0.2', '10.0.0.1']);
  assert.deepEqual(chain('198.51.100.9', '192.0.2.1', '2001:DB8:0::A'), ['192.0.2.1', '2001:db8::a', '10.0.0.1']);
});

test('if all are trusted, the left-most one is the client', () => {
  assert.deepEqual(chain('10.0.0.2', '10.0.0.2'), ['10.0.0.2', '10.0.0.2', '10.0.0.1']);
  assert.deepEqual(chain(), ['10.0.0.1']);
});

test('an invalid address ends the search at the last valid one', () => {
  for (const bad of ['', 'unknown', '_hidden', '1.2.3', '01.2.3.4', '1.2.3.4:', '1.2.3.4:99999999', 'fe80::1%eth0']) {
    assert.deepEqual(chain('192.0.2.1', bad), ['10.0.0.1'], bad);
    assert.deepEqual(chain('192.0.2.1', bad, '10.0.0.2'), ['10.0.0.2', '10.0.0.1'], bad);
  }
  for (const bad of [
    '[1.2.3.4]',
    '[::1',
    '::1]',
    '[::1]x',
    '[::1%lo]',
    'a.example',
    '"192.0.2.1"',
    '1.2.3.4 5.6.7.8',
  ]) {
    assert.deepEqual(chain(bad), ['10.0.0.1'], bad);
  }
});

test('accepts many spellings of addresses and normalises them', () => {
  const spellings: [written: string, address: string][] = [
    [' 192.0.2.1\t', '192.0.2.1'],
    ['192.0.2.1:8080', '192.0.2.1'],
    ['192.0.2.1:_port', '192.0.2.1'],
    ['2001:DB8::1', '2001:db8::1'],
    ['2001:0db8:0:0:0:0:0:1', '2001:db8::1'],
    ['[2001:db8::1]', '2001:db8::1'],
    ['[2001:db8::1]:443', '2001:db8::1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['::FFFF:c000:201', '192.0.2.1'],
    ['[::ffff:192.0.2.1]:80', '192.0.2.1'],
  ];
  for (const [written, address] of spellings) assert.equal(chain(written)[0], address, written);
});

test('uses the value appended by the proxy that is connected to the client', () => {
  assert.equal(reportedByProxy(['forged', 'https', 'http'], 2), 'https');
  assert.equal(reportedByProxy(['forged', 'http'], 1), 'http');
  assert.equal(reportedByProxy(['https'], 3), 'https');
  assert.equal(reportedByProxy(['https'], 0), 'https');
  assert.equal(reportedByProxy<string>([], 1), undefined);
});
