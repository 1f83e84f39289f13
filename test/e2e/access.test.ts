// Authentication, lease rules and rate limiting, through relay and tunnel.
import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import { hashSync } from 'bcryptjs';
import { createApiKey, prefixCharacters } from '../../src/auth/api-key.ts';
import type { KeyPolicy } from '../../src/policy/policy.ts';
import type { Answer } from '../helpers/plain-gateway.ts';
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

function codeOf({ text }: Answer): unknown {
  return (JSON.parse(text) as { code?: unknown }).code;
}

async function codeFor(gateway: TunnelGateway, headers: readonly string[], method = 'GET'): Promise<unknown> {
  const answer = await gateway.call('/peer/app/', { headers, method });
  return answer.status === 200 ? 200 : codeOf(answer);
}

const bearer = (theKey: string): string[] => ['Authorization', `Bearer ${theKey}`];

describe('authentication', () => {
  const auth = { enabled: true, keys: [billing], cacheTtlMs: 60_000, forwardCredential: false };

  test('a valid key passes in each of its places, and the app does not see it', async (t) => {
    const gateway = await start(t, { auth });
    for (const headers of [bearer(key), ['authorization', `BEARER ${key}`], ['X-API-Key', key]]) {
      const answer = await gateway.call('/peer/app/', { headers });
      assert.equal(answer.status, 200);
      assert.ok(!answer.text.includes(key));
    }
  });

  test('with an X-API-Key, Authorization is the app’s own', async (t) => {
    const gateway = await start(t, { auth });
    const answer = await gateway.call('/peer/app/', { headers: ['X-API-Key', key, ...bearer('the-apps-own')] });
    assert.match(answer.text, /the-apps-own/);
    assert.equal(await codeFor(gateway, ['X-API-Key', key, ...bearer(key)]), 'invalid_request');
  });

  test('no credential, a wrong one, a mistyped one, another scheme, two of them', async (t) => {
    const gateway = await start(t, { auth });
    assert.equal(await codeFor(gateway, []), 'missing_credentials');
    assert.equal(await codeFor(gateway, bearer(createApiKey('live'))), 'invalid_credentials');
    assert.equal(await codeFor(gateway, bearer(key.slice(0, -1))), 'invalid_credentials');
    assert.equal(await codeFor(gateway, ['Authorization', 'Basic eA==']), 'invalid_credentials');
    assert.equal(await codeFor(gateway, bearer(`${key}, Bearer ${key}`)), 'invalid_request');
    assert.equal(await codeFor(gateway, ['X-API-Key', key, 'X-Api-Key', key]), 'invalid_request');
  });

  test('an expired key, one that is not valid yet, one from the wrong address', async (t) => {
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

  test('a revoked key is refused on the next request', async (t) => {
    const gateway = await start(t, { auth });
    assert.equal(await codeFor(gateway, bearer(key)), 200);
    await gateway.gateway.apply(testPolicy({ auth: { ...auth, keys: [] } }));
    assert.equal(await codeFor(gateway, bearer(key)), 'invalid_credentials');
  });

  test('repeated failures from one address are slowed, and a verified key is not', async (t) => {
    const gateway = await start(t, { auth });
    assert.equal(await codeFor(gateway, bearer(key)), 200);
    const codes: unknown[] = [];
    for (let i = 0; i < 12; i += 1) codes.push(await codeFor(gateway, bearer(createApiKey('live'))));
    assert.deepEqual(codes.slice(-2), ['rate_limited', 'rate_limited']);
    assert.equal(codes[0], 'invalid_credentials');
    assert.equal(await codeFor(gateway, bearer(key)), 200);
  });

  test('failures with one key id are slowed from whatever address, and a verified caller is not', async (t) => {
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

  test('many callers of one address who come at once are no failures, and many wrong keys at once are', async (t) => {
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

  test('many first requests at once with one key are one try, right or wrong', async (t) => {
    const gateway = await start(t, { auth });
    const atOnce = (credential: string): Promise<unknown[]> =>
      Promise.all(Array.from({ length: 32 }, () => codeFor(gateway, bearer(credential))));
    assert.deepEqual([...new Set(await atOnce(key))], [200]);
    assert.deepEqual([...new Set(await atOnce(createApiKey('live')))], ['invalid_credentials']);
    assert.equal(await codeFor(gateway, bearer(createApiKey('live'))), 'invalid_credentials');
  });

  test('a client that repeats one wrong key is slowed, and keeps no new key at its address waiting', async (t) => {
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

  test('exact, prefix and any; denied with a reason where nothing fits', async (t) => {
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

  test('a rule for the name can not be evaded by the id', async (t) => {
    const gateway = await start(t, { auth, acl: { app: ['billing'], '*': ['*'] } });
    const byId = await gateway.call(`/peer/${gateway.leaseId}/`, { headers: bearer(plainKey) });
    assert.equal(codeOf(byId), 'access_denied');
  });

  test('a rule for the id can not be evaded by the name, nor by a spelling of it', async (t) => {
    const gateway = await start(t, { auth, acl: { '*': ['billing'] } });
    await gateway.gateway.apply(testPolicy({ auth, acl: { [gateway.leaseId]: ['billing'], '*': ['*'] } }));
    for (const lease of ['app', 'APP', 'a%70p', '%41pp', gateway.leaseId]) {
      const denied = await gateway.call(`/peer/${lease}/`, { headers: bearer(plainKey) });
      assert.equal(codeOf(denied), 'access_denied', lease);
      assert.equal((await gateway.call(`/peer/${lease}/`, { headers: bearer(key) })).status, 200, lease);
    }
  });

  test('a name is one in every normalisation, and look-alikes are others', async (t) => {
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

  test('the app is told who called', async (t) => {
    const gateway = await start(t, { auth });
    const forged = ['X-Gateway-Key-Id', 'root', 'X-Gateway-Subject', 'root'];
    const { text } = await gateway.call('/peer/app/', { headers: [...bearer(key), ...forged] });
    const seen = JSON.parse(text) as Record<string, unknown>;
    assert.equal(seen['x-gateway-key-id'], 'billing');
    assert.equal(seen['x-gateway-scopes'], 'read write');
    assert.ok(!text.includes('root') && !text.includes(key));
  });

  test('anonymous may call what is open to everyone, and nothing else', async (t) => {
    const open = await start(t, { auth, acl: { app: ['anonymous'] } });
    assert.equal(await codeFor(open, []), 200);
    assert.equal(await codeFor(open, bearer('wrong')), 200);
    assert.equal(await codeFor(open, bearer(createApiKey('live'))), 'invalid_credentials');
    assert.equal(await codeFor(open, ['X-Gateway-Key', 'wrong']), 'invalid_credentials');
    const closed = await start(t, { auth, acl: { app: ['*'] } });
    assert.equal(await codeFor(closed, []), 'missing_credentials');
  });

  test('whether there is such a lease is told only to who may call it', async (t) => {
    const gateway = await start(t, { auth, acl: { 'known-*': ['billing'] } });
    const ask = async (path: string): Promise<unknown> => codeOf(await gateway.call(path, { headers: bearer(key) }));
    assert.equal(await ask('/peer/known-1/'), 'lease_not_found');
    assert.equal(await ask('/peer/other/'), 'access_denied');
  });

  test('reading needs read, everything else write, and a lease what it asks for', async (t) => {
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

  test('an address that the gateway denies gets nowhere', async (t) => {
    const gateway = await start(t, { auth, ipRules: { allow: [], deny: ['127.0.0.0/8'] } });
    assert.equal(await codeFor(gateway, bearer(key)), 'ip_denied');
  });
});

describe('rate limits', () => {
  const slow = { requestsPerSecond: 0.01, burst: 2 };
  const endless = { requestsPerSecond: 1e9, burst: 1e9 };
  const keys = [billing, testKey()];
  const auth = { enabled: true, keys, cacheTtlMs: 60_000, forwardCredential: false };

  test('a burst passes, then 429 with Retry-After, and the headers tell', async (t) => {
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

  test('a key may have a rate of its own', async (t) => {
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
