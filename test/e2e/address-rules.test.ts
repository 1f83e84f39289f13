// IP rules of the gateway, of a lease and of a key, in both address families, and the rate limit
// bucket of each address.
import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import { listen, rateLimited, type RateLimited } from '../../src/kernel/events.ts';
import { startPlainGateway, type PlainGateway } from '../helpers/plain-gateway.ts';
import { key, testKey, testLease, type testPolicy } from '../helpers/policy.ts';

type Parts = Parameters<typeof testPolicy>[0];

/** Starts the gateway behind a trusted proxy, so that a test can act as any client. */
function start(t: TestContext, policy: Parts): Promise<PlainGateway> {
  const parts = { trustedProxies: ['127.0.0.1'], ...policy };
  return startPlainGateway(t, (_, response) => response.end('ok'), { policy: parts });
}

async function codeFrom(gateway: PlainGateway, ip: string, theKey = key): Promise<unknown> {
  const headers = ['X-API-Key', theKey, 'X-Forwarded-For', ip];
  const { status, text } = await gateway.call('/peer/app/', { headers });
  return status === 200 ? 200 : (JSON.parse(text) as { code?: unknown }).code;
}

const lease = testLease();

interface Rules {
  readonly allow: readonly string[];
  readonly deny: readonly string[];
}

const places: Readonly<Record<string, (rules: Rules) => Parts>> = {
  gateway: (ipRules) => ({ ipRules }),
  lease: (ipRules) => ({ leases: { app: { ...lease, ipRules } } }),
  key: ({ allow }) => ({ auth: { keys: [testKey({ allowedCidrs: allow })] } }),
};

const lists: readonly { rules: Rules; passes: readonly string[]; denied: readonly string[] }[] = [
  {
    rules: { allow: ['192.0.2.0/24', '2001:db8::/32'], deny: [] },
    passes: ['192.0.2.1', '::ffff:192.0.2.1', '::FFFF:c000:201', '2001:DB8::1'],
    denied: ['192.0.3.1', '::ffff:192.0.3.1', '2001:db9::1'],
  },
  {
    rules: { allow: ['::ffff:192.0.2.0/120'], deny: [] },
    passes: ['192.0.2.1', '::ffff:192.0.2.1'],
    denied: ['192.0.3.1', '2001:db8::1'],
  },
  {
    rules: { allow: [], deny: ['192.0.2.7', '2001:db8::7'] },
    passes: ['192.0.2.8', '2001:db8::8'],
    denied: ['192.0.2.7', '::ffff:192.0.2.7', '2001:db8:0:0::7'],
  },
  {
    rules: { allow: ['192.0.2.0/24', '::/0'], deny: ['192.0.2.0/25'] },
    passes: ['192.0.2.200', '2001:db8::1'],
    denied: ['192.0.2.100', '198.51.100.1'],
  },
];

for (const [place, policyOf] of Object.entries(places)) {
  describe(`addresses of a ${place}`, () => {
    for (const { rules, passes, denied } of lists) {
      if (place === 'key' && rules.deny.length > 0) continue;
      test(`allow [${rules.allow.join(', ')}], deny [${rules.deny.join(', ')}]`, async (t) => {
        const gateway = await start(t, policyOf(rules));
        for (const ip of passes) assert.equal(await codeFrom(gateway, ip), 200, ip);
        for (const ip of denied) assert.equal(await codeFrom(gateway, ip), 'ip_denied', ip);
      });
    }
  });
}

test('limits each address, reports its bucket, and rejects before authentication once it is empty', async (t) => {
  const levels: string[] = [];
  t.after(listen(rateLimited, ({ level }: RateLimited) => levels.push(level)));
  const perIp = { requestsPerSecond: 0.01, burst: 2 };
  const gateway = await start(t, { rateLimit: { perIp } });
  // Rejected callers are not charged.
  for (let i = 0; i < 5; i += 1)
    assert.equal(await codeFrom(gateway, '192.0.2.1', `wrong-${i}`), 'invalid_credentials');
  assert.equal(await codeFrom(gateway, '192.0.2.1'), 200);
  assert.equal(await codeFrom(gateway, '192.0.2.1'), 200);
  assert.equal(await codeFrom(gateway, '192.0.2.1'), 'rate_limited');
  assert.equal(await codeFrom(gateway, '192.0.2.1', 'wrong'), 'rate_limited');
  assert.equal(await codeFrom(gateway, '192.0.2.2'), 200);
  assert.deepEqual(levels, ['ip', 'ip']);
  const refused = await gateway.call('/peer/app/', { headers: ['X-API-Key', key, 'X-Forwarded-For', '192.0.2.1'] });
  assert.equal(refused.message.headers['ratelimit'], '"ip";r=0;t=200');
  assert.equal(refused.message.headers['ratelimit-policy'], '"ip";q=2;w=200');
  assert.ok(Number(refused.message.headers['retry-after']) > 90);
});

test('treats a /64 as one caller, and an IPv4 address and its mapped form as equal', async (t) => {
  const gateway = await start(t, { rateLimit: { perIp: { requestsPerSecond: 0.01, burst: 1 } } });
  assert.equal(await codeFrom(gateway, '2001:db8::1'), 200);
  assert.equal(await codeFrom(gateway, '2001:db8::2'), 'rate_limited');
  assert.equal(await codeFrom(gateway, '2001:db8:0:1::1'), 200);
  assert.equal(await codeFrom(gateway, '192.0.2.1'), 200);
  assert.equal(await codeFrom(gateway, '::ffff:192.0.2.1'), 'rate_limited');
});

test('a rate-limited request takes no in-flight slot', async (t) => {
  const rateLimit = { perKey: { default: { requestsPerSecond: 0.01, burst: 1 }, overrides: {} } };
  const gateway = await start(t, { rateLimit, limits: { maxInFlight: 1, queue: 0 } });
  const { promise: asked, resolve } = Promise.withResolvers<undefined>();
  gateway.app.removeAllListeners('request').once('request', () => {
    resolve(undefined);
  });
  const held = gateway.call('/peer/app/');
  held.catch(() => undefined);
  await asked;
  // The only slot is taken: checking concurrency before the rate limit would give 503.
  assert.equal(await codeFrom(gateway, '192.0.2.1'), 'rate_limited');
});
