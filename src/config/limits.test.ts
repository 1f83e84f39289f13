// Errors and warnings of the settings of limits, addresses and lease rules.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { certificate } from '../../test/helpers/certificates.ts';
import { faultLines, loadText, warningLines } from '../../test/helpers/config.ts';

const refused: readonly (readonly [what: string, text: string, says: RegExp])[] = [
  ['a rate of 0', 'rate_limit: { global: { requests_per_second: 0 } }', /requests_per_second must be .* 0\.001/],
  ['a negative rate', 'rate_limit: { per_ip: { requests_per_second: -1, burst: 1 } }', /per_ip\.requests_per_second/],
  ['a rate above 10^9', 'rate_limit: { global: { requests_per_second: 1000000001 } }', /1000000000/],
  ['a burst of 0', 'rate_limit: { per_key: { default: { burst: 0 } } }', /burst must be/],
  ['a burst above 10^9', 'rate_limit: { global: { burst: 1000000001 } }', /burst must be/],
  ['half a request', 'rate_limit: { global: { burst: 1.5 } }', /whole number/],
  ['a rate without a burst', 'rate_limit: { per_ip: { requests_per_second: 5 } }', /needs rate_limit\.per_ip\.burst/],
  ['a cost of 0', 'rate_limit: { costs: [{ cost: 0 }] }', /cost must be/],
  ['a cost without a slash', 'rate_limit: { costs: [{ path: search, cost: 2 }] }', /begins with a slash/],
  ['a lease without a burst', 'rate_limit: { per_lease: { app: { requests_per_second: 5 } } }', /burst/],
  ['another store', 'rate_limit: { storage: { type: memcached } }', /memory or redis|memory, redis/],
  ['another URL', 'rate_limit: { storage: { redis: { url: "http://a" } } }', /redis:\/\//],
  ['a database by name', 'rate_limit: { storage: { redis: { url: "redis://a/b" } } }', /number of the database/],
  ...[
    'redis-sentinel://a:26379',
    'redis+sentinel://:secret@a:26379,b:26379/primary',
    'redis://a:26379?sentinelMasterId=b',
  ].map(
    (url) =>
      [
        `Sentinel: ${url}`,
        `rate_limit: { storage: { redis: { url: "${url}" } } }`,
        /url names Redis Sentinel, which is not supported: use a redis:\/\/ or rediss:\/\/ URL whose host name resolves to the primary/,
      ] as const,
  ),
  [
    'two hosts',
    'rate_limit: { storage: { redis: { url: "redis://a:7000,b:7000" } } }',
    /url must name only one host; for a Redis cluster, any of its nodes/,
  ],
  [
    'a missing CA file for Redis',
    'rate_limit: { storage: { redis: { ca_file: redis-ca.pem } } }',
    /rate_limit\.storage\.redis\.ca_file names the file ".*redis-ca\.pem", which does not exist/,
  ],
  [
    'an invalid CA file for Redis',
    'rate_limit: { storage: { redis: { ca_file: gateway.yaml } } }',
    /rate_limit\.storage\.redis\.ca_file names a file that is not a PEM certificate/,
  ],
  [
    'host bits set',
    'ip_rules: { deny: [10.1.2.3/8] }',
    /has bits set after the first 8: write 10\.0\.0\.0\/8 for the block, or 10\.1\.2\.3 for/,
  ],
  [
    'host bits set in IPv6, for a key',
    'auth: { keys: [{ id: a, key: secret-key, allowed_cidrs: ["2001:db8::1/32"] }] }',
    /write 2001:db8::\/32 for the block/,
  ],
  [
    'host bits set, for a lease',
    'leases: { a: { ip_rules: { allow: [192.0.2.129/25, 192.0.2.1/25] } } }',
    /192\.0\.2\.128\/25/,
  ],
];

describe('rejects', () => {
  for (const [what, text, says] of refused) {
    test(what, async (t) => {
      const lines = faultLines(await loadText(t, text));
      assert.match(lines.join('\n'), says);
    });
  }
});

test('warns about a rule made redundant by a wider one, and not about one that adds callers', async (t) => {
  const acl = (rules: string): string => `lease_acl: { ${rules} }`;
  const warned = async (rules: string): Promise<boolean> =>
    warningLines(await loadText(t, acl(rules))).some((line) => line.includes('has no effect: "a*"'));
  assert.equal(await warned('"a*": [one, two], "ab*": [one]'), true);
  assert.equal(await warned('"A*": ["*"], "a*": ["*"], "ab*": [one, "scope:x"]'), true);
  assert.equal(await warned('"a*": [anonymous], "ab*": ["*"]'), true);
  assert.equal(await warned('"a*": [one], "ab*": [two]'), false);
  assert.equal(await warned('"a*": ["*"], "ab*": [anonymous]'), false);
  assert.equal(await warned('"a*": [one], ab: [one]'), false);
});

test('warns about a CA file for Redis without TLS', async (t) => {
  const warned = async (url: string): Promise<string[]> => {
    const files = { 'ca.pem': certificate.cert };
    const result = await loadText(t, `rate_limit: { storage: { redis: { url: "${url}", ca_file: ca.pem } } }`, {
      files,
    });
    assert.deepEqual(faultLines(result), []);
    return warningLines(result).filter((line) => line.includes('ca_file'));
  };
  assert.deepEqual(await warned('rediss://redis.internal'), []);
  assert.deepEqual(await warned('redis://redis.internal'), [
    'gateway.yaml:1:75: rate_limit.storage.redis.ca_file has no effect: rate_limit.storage.redis.url does not begin with rediss://',
  ]);
});

test('warns about a CA file for a relay without TLS', async (t) => {
  const relays =
    '{ url: "wss://a.example.com/relay", ca_file: ca.pem }, { url: "ws://b.example.com", ca_file: ca.pem }';
  const result = await loadText(t, `portal: { relays: [${relays}] }`, { files: { 'ca.pem': certificate.cert } });
  assert.deepEqual(
    warningLines(result).filter((line) => line.includes('ca_file')),
    ['gateway.yaml:1:113: portal.relays[1].ca_file has no effect: portal.relays[1].url does not begin with wss://'],
  );
});
