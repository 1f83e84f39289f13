// Authentication, lease rules and rate limiting, through relay and tunnel.
import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import { hashSync } from 'bcryptjs';
import { createApiKey, prefixCharacters } from '../../src/auth/api-key.ts';
import type { KeyPolicy } from '../../src/policy/policy.ts';
import type { ReceivedResponse } from '../helpers/plain-gateway.ts';
import { key as plainKey, testKey, testPolicy } from '../helpers/policy.ts';
import { startTunnelGateway, type TunnelGateway } from '../helpers/tunnel-gateway.ts';
import { withKeyIdOf } from '../helpers/wrong-keys.ts';

const lowestCost = 4;
const key = createApiKey('live');

function hashed(
  id: string,
  theKey: string,
  { cost = lowestCost, ...more }: Partial<KeyPolicy> & { readonly cost?: number } = {},
): KeyPolicy {
  const secret = {
    kind: 'bcrypt',
    bcrypt: hashSync(theKey, cost),
    prefix: theKey.slice(0, prefixCharacters),
  } as const;
  return testKey({ id, secret, ...more });
}

const billing = hashed('billing', key);

type Parts = Parameters<typeof testPolicy>[0];

function start(t: TestContext, policy: Parts, name = 'app'): Promise<TunnelGateway> {
  return startTunnelGateway(
    t,
    (request, response) => {
      response.end(JSON.stringify(request.headers));
    },
    { policy, name },
  );
}

function codeOf({ text }: ReceivedResponse): unknown {
  return (JSON.parse(text) as { code?: unknown }).code;
}

async function codeFor(gateway: TunnelGateway, headers: readonly string[], method = 'GET'): Promise<unknown> {
  const response = await gateway.call('/peer/app/', { headers, method });
  return response.status === 200 ? 200 : codeOf(response);
}

const bearer = (theKey: string): string[] => ['Authorization', `Bearer ${theKey}`];

describe('authentication', () => {
  const auth = { enabled: true, keys: [billing], cacheTtlMs: 60_000, forwardCredential: false };

  test('accepts a valid key in each place and hides it from the app', async (t) => {
    const gateway = await start(t, { auth });
    for (const headers of [bearer(key), ['authorization', `BEARER ${key}`], ['X-API-Key', key]]) {
      const response = await gateway.call('/peer/app/', { headers });
      assert.equal(response.status, 200);
      assert.ok(!response.text.includes(key));
    }
  });

  test('with X-API-Key, Authorization belongs to the app', async (t) => {
    const gateway = await start(t, { auth });
    const response = await gateway.call('/peer/app/', { headers: ['X-API-Key', key, ...bearer('the-apps-own')] });
    assert.match(response.text, /the-apps-own/);
    assert.equal(await codeFor(gateway, ['X-API-Key', key, ...bearer(key)]), 'invalid_request');
  });

  test('rejects no credential, a wrong one, a mistyped one, another scheme, two of them', async (t) => {
    const gateway = await start(t, { auth });
    assert.equal(await codeFor(gateway, []), 'missing_credentials');
    assert.equal(await codeFor(gateway, bearer(createApiKey('live'))), 'invalid_credentials');
    assert.equal(await codeFor(gateway, bearer(key.slice(0, -1))), 'invalid_credentials');
    assert.equal(await codeFor(gateway, ['Authorization', 'Basic eA==']), 'invalid_credentials');
    assert.equal(await codeFor(gateway, bearer(`${key}, Bearer ${key}`)), 'invalid_request');
    assert.equal(await codeFor(gateway, ['X-API-Key', key, 'X-Api-Key', key]), 'invalid_request');
  });

  test('rejects an expired key, one not valid yet, one from the wrong address', async (t) => {
    const now = Date.now();
    const withKey = (more: Partial<KeyPolicy>): Parts => ({ auth: { ...auth, keys: [{ ...billing, ...more }] } });
    const expired = await start(t, withKey({ expiresAtMs: now - 1 }));
    assert.equal(await codeFor(expired, bearer(key)), 'expired_credentials');
    const early = await start(t, withKey({ notBeforeMs: now + 60_000 }));
    assert.equal(await codeFor(early, bearer(key)), 'invalid_credentials');
    const elsewhere = await start(t, withKey({ allowedCidrs: ['10.0.0.0/8'] }));
    assert.equal(await codeFor(elsewhere, bearer(key)), 'ip_denied');
    const here = await start(t, withKey({ allowedCidrs: ['127.0.0.0/8'] }));
    assert.equal(await codeFor(here, bearer(key)), 200);
  });

  test('rejects a revoked key on the next request', async (t) => {
    const gateway = await start(t, { auth });
    assert.equal(await codeFor(gateway, bearer(key)), 200);
    await gateway.gateway.apply(testPolicy({ auth: { ...auth, keys: [] } }));
    assert.equal(await codeFor(gateway, bearer(key)), 'invalid_credentials');
  });

  test('throttles repeated failures from one address, but not a verified key', async (t) => {
    const gateway = await start(t, { auth });
    assert.equal(await codeFor(gateway, bearer(key)), 200);
    const codes: unknown[] = [];
    for (let i = 0; i < 12; i += 1) codes.push(await codeFor(gateway, bearer(createApiKey('live'))));
    assert.deepEqual(codes.slice(-2), ['rate_limited', 'rate_limited']);
    assert.equal(codes[0], 'invalid_credentials');
    assert.equal(await codeFor(gateway, bearer(key)), 200);
  });

  test('throttles failures with one key id from any address, but not a verified caller', async (t) => {
    const gateway = await start(t, { auth, trustedProxies: ['127.0.0.1'] });
    const from = (host: number, credential: string): Promise<unknown> =>
      codeFor(gateway, [...bearer(credential), 'X-Forwarded-For', `192.0.2.${host}`]);
    assert.equal(await from(1, key), 200);
    const codes: unknown[] = [];
    for (let host = 10; host < 22; host += 1) codes.push(await from(host, withKeyIdOf(key)));
    assert.deepEqual([codes[0], ...codes.slice(-2)], ['invalid_credentials', 'rate_limited', 'rate_limited']);
    // From the attacker's address as well.
    for (const host of [1, 2, 21]) assert.equal(await from(host, key), 200);
    assert.equal(await from(21, createApiKey('live')), 'invalid_credentials');
  });

  test('concurrent valid callers of one address are not failures, and concurrent wrong keys are', async (t) => {
    const callers = Array.from({ length: 24 }, () => createApiKey('live'));
    const keys = callers.map((caller, i) => hashed(`caller-${i}`, caller, { cost: 8 }));
    const gateway = await start(t, { auth: { ...auth, keys } });
    const codes = (credentials: readonly string[]): Promise<unknown[]> =>
      Promise.all(credentials.map((credential) => codeFor(gateway, bearer(credential))));
    assert.deepEqual([...new Set(await codes(callers))], [200]);
    const refused = await codes(callers.map((caller) => withKeyIdOf(caller)));
    // On a slow machine five seconds may pass, which frees one more attempt.
    assert.ok(refused.filter((code) => code === 'rate_limited').length >= 12);
    assert.equal(refused.filter((code) => code !== 'rate_limited' && code !== 'invalid_credentials').length, 0);
  });

  test('concurrent first requests with one key count as one attempt, right or wrong', async (t) => {
    const gateway = await start(t, { auth });
    const atOnce = (credential: string): Promise<unknown[]> =>
      Promise.all(Array.from({ length: 32 }, () => codeFor(gateway, bearer(credential))));
    assert.deepEqual([...new Set(await atOnce(key))], [200]);
    assert.deepEqual([...new Set(await atOnce(createApiKey('live')))], ['invalid_credentials']);
    assert.equal(await codeFor(gateway, bearer(createApiKey('live'))), 'invalid_credentials');
  });

  test('throttles a client that repeats a wrong key, and delays no new key from its address', async (t) => {
    const gateway = await start(t, { auth });
    const stale = createApiKey('live');
    const codes: unknown[] = [];
    for (let i = 0; i < 40; i += 1) codes.push(await codeFor(gateway, bearer(stale)));
    assert.deepEqual([codes[0], codes.at(-1)], ['invalid_credentials', 'rate_limited']);
    assert.equal(await codeFor(gateway, bearer(key)), 200);
  });
});

describe('lease rules', () => {
  const keys = [billing, testKey()];
  const auth = { enabled: true, keys, cacheTtlMs: 60_000, forwardCredential: false };

  test('applies exact, prefix and `*` rules; denies with a reason if none matches', async (t) => {
    for (const pattern of ['app', 'APP', 'a*', '*']) {
      const gateway = await start(t, { auth, acl: { [pattern]: ['billing'] } });
      assert.equal(await codeFor(gateway, bearer(key)), 200);
      const denied = await gateway.call('/peer/app/', { headers: bearer(plainKey) });
      assert.deepEqual([denied.status, codeOf(denied)], [403, 'access_denied']);
      assert.match(denied.text, /\\"app\\"/);
    }
    const nothing = await start(t, { auth, acl: {} });
    assert.equal(await codeFor(nothing, bearer(key)), 'access_denied');
  });

  test('a rule for the name cannot be bypassed with the id', async (t) => {
    const gateway = await start(t, { auth, acl: { app: ['billing'], '*': ['*'] } });
    const byId = await gateway.call(`/peer/${gateway.leaseId}/`, { headers: bearer(plainKey) });
    assert.equal(codeOf(byId), 'access_denied');
  });

  test('a rule for the id cannot be bypassed with the name or another spelling', async (t) => {
    const gateway = await start(t, { auth, acl: { '*': ['billing'] } });
    await gateway.gateway.apply(testPolicy({ auth, acl: { [gateway.leaseId]: ['billing'], '*': ['*'] } }));
    for (const lease of ['app', 'APP', 'a%70p', '%41pp', gateway.leaseId]) {
      const denied = await gateway.call(`/peer/${lease}/`, { headers: bearer(plainKey) });
      assert.equal(codeOf(denied), 'access_denied', lease);
      assert.equal((await gateway.call(`/peer/${lease}/`, { headers: bearer(key) })).status, 200, lease);
    }
  });

  test('treats a name as the same in every normalisation, and look-alikes as different', async (t) => {
    const gateway = await start(t, { auth, acl: { 'caf\u00e9': ['billing'], '*': [] } }, 'Cafe\u0301');
    for (const lease of ['caf%C3%A9', 'CAFE%CC%81', 'CAF%C3%89', 'cafe%cc%81']) {
      assert.equal((await gateway.call(`/peer/${lease}/`, { headers: bearer(key) })).status, 200, lease);
      assert.equal(
        codeOf(await gateway.call(`/peer/${lease}/`, { headers: bearer(plainKey) })),
        'access_denied',
        lease,
      );
    }
    // Without the accent, with a Cyrillic a, in full width, with a zero-width joiner, encoded
    // twice.
    for (const lease of ['cafe', 'c%D0%B0f%C3%A9', '%EF%BD%83af%C3%A9', 'caf%C3%A9%E2%80%8D', 'caf%25C3%25A9']) {
      assert.equal(codeOf(await gateway.call(`/peer/${lease}/`, { headers: bearer(key) })), 'access_denied', lease);
    }
  });

  test('identifies the caller to the app', async (t) => {
    const gateway = await start(t, { auth });
    const forged = ['X-Gateway-Key-Id', 'root', 'X-Gateway-Subject', 'root'];
    const { text } = await gateway.call('/peer/app/', { headers: [...bearer(key), ...forged] });
    const seen = JSON.parse(text) as Record<string, unknown>;
    assert.equal(seen['x-gateway-key-id'], 'billing');
    assert.equal(seen['x-gateway-scopes'], 'read write');
    assert.ok(!text.includes('root') && !text.includes(key));
  });

  test('an anonymous caller may use leases open to everyone, and no others', async (t) => {
    const open = await start(t, { auth, acl: { app: ['anonymous'] } });
    assert.equal(await codeFor(open, []), 200);
    assert.equal(await codeFor(open, bearer('wrong')), 200);
    assert.equal(await codeFor(open, bearer(createApiKey('live'))), 'invalid_credentials');
    assert.equal(await codeFor(open, ['X-Gateway-Key', 'wrong']), 'invalid_credentials');
    const closed = await start(t, { auth, acl: { app: ['*'] } });
    assert.equal(await codeFor(closed, []), 'missing_credentials');
  });

  test('reveals that a lease is unknown only to callers that may use it', async (t) => {
    const gateway = await start(t, { auth, acl: { 'known-*': ['billing'] } });
    const ask = async (path: string): Promise<unknown> => codeOf(await gateway.call(path, { headers: bearer(key) }));
    assert.equal(await ask('/peer/known-1/'), 'lease_not_found');
    assert.equal(await ask('/peer/other/'), 'access_denied');
  });

  test('reading needs the scope read, other methods write, and a lease its required scopes', async (t) => {
    const reader = { ...auth, keys: [{ ...billing, scopes: ['read'] }] };
    const gateway = await start(t, { auth: reader });
    assert.equal(await codeFor(gateway, bearer(key)), 200);
    assert.equal(await codeFor(gateway, bearer(key), 'OPTIONS'), 200);
    assert.equal(await codeFor(gateway, bearer(key), 'DELETE'), 'insufficient_scope');
    assert.equal(
      await codeFor(gateway, [...bearer(key), 'Connection', 'Upgrade', 'Upgrade', 'x']),
      'insufficient_scope',
    );
    const { text } = await gateway.call('/peer/app/', { headers: bearer(key), method: 'DELETE' });
    assert.match(text, /"detail":"The lease \\"app\\" needs the scope write/);
  });

  test('rejects a denied address', async (t) => {
    const gateway = await start(t, { auth, ipRules: { allow: [], deny: ['127.0.0.0/8'] } });
    assert.equal(await codeFor(gateway, bearer(key)), 'ip_denied');
  });
});

describe('rate limits', () => {
  const slow = { requestsPerSecond: 0.01, burst: 2 };
  const endless = { requestsPerSecond: 1e9, burst: 1e9 };
  const keys = [billing, testKey()];
  const auth = { enabled: true, keys, cacheTtlMs: 60_000, forwardCredential: false };

  test('allows a burst, then responds 429 with Retry-After and rate limit headers', async (t) => {
    const gateway = await start(t, { auth, rateLimit: { perKey: { default: slow, overrides: {} } } });
    const first = await gateway.call('/peer/app/', { headers: bearer(key) });
    assert.equal(first.message.headers['ratelimit-policy'], '"key";q=2;w=200');
    assert.equal(first.message.headers['ratelimit'], '"key";r=1;t=100');
    assert.equal(first.message.headers['x-ratelimit-remaining'], '1');
    assert.equal(await codeFor(gateway, bearer(key)), 200);
    const refused = await gateway.call('/peer/app/', { headers: bearer(key) });
    assert.deepEqual([refused.status, codeOf(refused)], [429, 'rate_limited']);
    const retryAfter = Number(refused.message.headers['retry-after']);
    assert.ok(retryAfter > 95 && retryAfter <= 100);
    assert.equal(await codeFor(gateway, bearer(plainKey)), 200);
  });

  test('a key may have a separate rate', async (t) => {
    const gateway = await start(t, { auth, rateLimit: { perKey: { default: slow, overrides: { billing: endless } } } });
    for (let i = 0; i < 5; i += 1) assert.equal(await codeFor(gateway, bearer(key)), 200);
    const codes = [];
    for (let i = 0; i < 3; i += 1) codes.push(await codeFor(gateway, bearer(plainKey)));
    assert.deepEqual(codes, [200, 200, 'rate_limited']);
  });

  test('expensive requests cost more', async (t) => {
    const costs = [{ lease: '*', path: '/', method: 'POST', cost: 2 }];
    const gateway = await start(t, { auth, rateLimit: { perKey: { default: slow, overrides: {} }, costs } });
    assert.equal(await codeFor(gateway, bearer(key), 'POST'), 200);
    assert.equal(await codeFor(gateway, bearer(key)), 'rate_limited');
  });
});
