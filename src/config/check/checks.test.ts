import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as checks from './checks.ts';
import { isCidr } from '../schema/cidr.ts';
import type { TextCheck } from '../schema/fields.ts';

interface Row {
  readonly check: TextCheck;
  readonly yes: readonly string[];
  readonly no: readonly string[];
}

const rows: Readonly<Record<string, Row>> = {
  'an address or host to listen on': {
    check: checks.isListenHost,
    yes: ['127.0.0.1', '::1', '[::1]', '0.0.0.0', 'localhost', 'my_app', 'a.b-c.example'],
    no: ['', ' a', 'a b', 'http://a', 'a:80', '-a', 'a..b', '[127.0.0.1]', '[::1', '[a]', 'a/', 'x'.repeat(64)],
  },
  'a domain': {
    check: checks.isDomain,
    yes: ['peers.example.com', 'localhost', 'xn--mller-kva.example'],
    no: ['', '127.0.0.1', '*.example.com', 'a_b.example', 'müller.example', 'example.com.', '.example'],
  },
  'a header that a trusted proxy may pass': {
    check: checks.isForwardableHeader,
    yes: ['X-Forwarded-User', 'remote-user', 'CF-Connecting-IP', 'X-SSL-Client-Cert', 'X-Forwarded-Port'],
    no: [
      '',
      'X-Own',
      'Host',
      'X-Gateway-Subject',
      'X_Gateway_Key',
      'X-Request-ID',
      'X-Forwarded-For',
      'Forwarded',
      'X-Auth-Request-*',
      'X-HTTP-Method-Override',
    ],
  },
  'a block of addresses': {
    check: isCidr,
    yes: ['10.0.0.0/8', '10.1.2.3', '0.0.0.0/0', '::/0', '2001:db8::/32', '::1/128', '::ffff:10.0.0.1'],
    no: ['', '10.0.0.0/33', '::/129', '10.0.0/8', '10.0.0.0/8/8', '10.0.0.0/', '10.0.0.0/-1', 'fe80::1%eth0', 'a', '*'],
  },
  'a time': {
    check: checks.isTimestamp,
    yes: ['2027-12-31T23:59:59Z', '2028-02-29T00:00:00.123+05:30', '2027-01-01t00:00:00z'],
    no: [
      ...['', '2027-01-01', '2027-01-01T00:00:00', '2027-02-30T00:00:00Z', '2027-02-29T00:00:00+01:00'],
      ...['2027-01-01T24:00:00Z', '2027-13-01T00:00:00Z', '2027-01-00T00:00:00Z', '2027-01-01T00:00:00+25:00'],
    ],
  },
  'a host with or without a port': {
    check: checks.isHostAndPort,
    yes: ['a', 'a:80', '127.0.0.1:3000', '[::1]', '[::1]:80'],
    no: [
      '',
      'a:',
      'a:0',
      'a:65536',
      '::1',
      'a:b',
      '[a]',
      'a b',
      'a/b',
      'http://a',
      '[::1]80',
      'a:99999',
      '[1:2]',
      '[fe80::1%eth0]',
    ],
  },
  'a host or a pattern of hosts': {
    check: checks.isHostPattern,
    yes: ['*', '*.example.com', '*.example.com:443', 'gw.example.com', '127.0.0.1:8080', '[::1]'],
    no: ['', '*example.com', 'gw.*', 'https://gw.example.com', 'gw.example.com/', '::1', '2001:db8::1'],
  },
  'a relay': {
    check: checks.isRelayUrl,
    yes: ['ws://localhost:4017/relay', 'wss://relay.example.com/relay', 'ws://[::1]:4017', 'wss://a/relay?x=1'],
    no: [
      ...['', 'relay', 'http://a', 'https://a', 'ws://', 'ws://a b', 'wss://u:p@a/relay', 'ws://a/#b', 'ws://a:0/'],
      ...['ws://a:99999', ' ws://a'],
    ],
  },
  'a Redis URL': {
    check: checks.isRedisUrl,
    yes: [
      ...['redis://localhost', 'redis://u:p@a:6379/1', 'rediss://redis.internal:6380/', 'redis://[::1]:7000'],
      'unix:///run/redis.sock',
    ],
    no: [
      ...['', 'localhost:6379', 'http://a', 'redis://', 'redis:// a', 'redis://a/b', 'unix://', 'redis://a?db=1'],
      ...['unix:///run/redis.sock?db=1', 'rediss://a/#1', 'redis://a:1,b:2', 'redis-sentinel://a:26379/primary'],
    ],
  },
  'an origin': {
    check: checks.isOrigin,
    yes: ['https://app.example.com', 'http://localhost:3000', 'http://[::1]:3000', '*', 'null'],
    no: [
      '',
      'app.example.com',
      'https://A.example',
      'https://a.example/',
      'https://a.example:443',
      'https://*.a.example',
    ],
  },
  'a method or header name': {
    check: checks.isToken,
    yes: ['GET', 'PROPFIND', 'X-Example', '*'],
    no: ['', 'A B', 'A:', 'É', 'a\n', 'x'.repeat(257)],
  },
  'a header that may be changed': {
    check: checks.isChangeableHeader,
    yes: ['X-Example', 'Server', 'Authorization', 'Set-Cookie'],
    no: ['', 'Host', 'connection', 'Content-Length', 'TRANSFER-ENCODING', 'Upgrade', 'TE', 'Expect', 'X Y'],
  },
  'a header value': {
    check: checks.isFieldValue,
    yes: ['', 'a', 'a b', 'a\tb', 'é', '"quoted", list'],
    no: [' a', 'a ', 'a\nb', 'a\r', 'a\0', 'a\u007f', 'ā', 'x'.repeat(8193)],
  },
  'a lease name': {
    check: checks.isLeaseName,
    yes: ['my-mcp-server', 'Größe', 'my app', 'a/b', '<<', 'x'.repeat(255)],
    no: ['', ' ', 'a*', 'a\n', '\u0085', 'a\u2028', 'x'.repeat(256)],
  },
  'a lease pattern': {
    check: checks.isLeasePattern,
    yes: ['*', 'public-*', 'a*', 'my-app'],
    no: ['', '**', '*a', 'a*b', 'a**'],
  },
  'a lease id': {
    check: checks.isLeaseId,
    yes: ['ABCDEFGHIJKLMNOPQRSTUVWXYZ', '22222222222222222222222222'],
    no: ['', 'abcdefghijklmnopqrstuvwxyz', 'ABCDEFGHIJKLMNOPQRSTUVWXY', 'ABCDEFGHIJKLMNOPQRSTUVWXY1'],
  },
  'the name of a key': {
    check: checks.isKeyName,
    yes: ['billing-bot', 'a.b@c+d_1', 'environment'],
    no: ['', '*', 'anonymous', 'sub:a', 'a b', 'x'.repeat(65), 'é'],
  },
  'a principal': {
    check: checks.isPrincipal,
    yes: ['*', 'anonymous', 'billing-bot', 'scope:mcp'],
    no: ['', 'sub:a', 'group:a', 'tenant:a', 'role:a', 'scope:', 'scope:a b'],
  },
  'a key prefix': {
    check: checks.isKeyPrefix,
    yes: ['acme_key', 'ключ-від', '🔑'.repeat(32), 'x'.repeat(64)],
    no: ['', 'acme_ke', 'acme key', 'acme_key\n', 'acme_key\u0085', 'x'.repeat(65), `sk_test_${'a'.repeat(48)}`],
  },
  'a key': { check: checks.isKey, yes: ['k', 'sk_live_x', '!~'], no: ['', 'a b', 'é', 'a\n', 'x'.repeat(513)] },
  'a time zone': {
    check: checks.isTimeZone,
    yes: ['UTC', 'Europe/Berlin', 'asia/tokyo', '+05:30'],
    no: ['', 'Mars/Olympus', 'Europe/', 'UTC+1'],
  },
  'a key id or `*`': { check: checks.isKeyNameOrAny, yes: ['*', 'a.b'], no: ['', 'anonymous', 'a*'] },
  'a gateway path': {
    check: checks.isHttpPath,
    yes: ['/metrics', '/internal/metrics', '/healthy'],
    no: ['', '/', 'metrics', '/peer/x', '/health', '/health/x', '/ws', '/.well-known/x', '/a b', '/a?b', '/a%20'],
  },
};

for (const [what, { check, yes, no }] of Object.entries(rows)) {
  describe(what, () => {
    for (const text of yes)
      test(`accepts ${JSON.stringify(text.slice(0, 60))}`, () => {
        assert.equal(check(text), true);
      });
    for (const text of no)
      test(`rejects ${JSON.stringify(text.slice(0, 60))}`, () => {
        assert.notEqual(check(text), true);
      });
  });
}

test('checks of long text are fast', () => {
  const texts = ['a', '.', '-', 'a.', 'a-', '1:', '/', '\u00e9', ' ', '*'].map((unit) => unit.repeat(100_000));
  const before = performance.now();
  for (const { check } of Object.values(rows)) for (const text of texts) check(text);
  assert.ok(performance.now() - before < 5_000);
});
