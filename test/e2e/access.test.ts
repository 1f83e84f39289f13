// Who may call, and how much: the acceptance list of authentication, lease rules and rate limiting.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { hashSync } from '@node-rs/bcrypt';
import { createApiKey, prefixCharacters } from '../../src/auth/api-key.ts';
import type { KeyPolicy } from '../../src/policy/policy.ts';
import { key as plainKey, startPlainGateway, type Answer, type PlainGateway } from '../helpers/plain-gateway.ts';
import { testKey, testPolicy } from '../helpers/policy.ts';

const cost = 4;
const key = createApiKey('live');

function hashed(id: string, theKey: string, more: Partial<KeyPolicy> = {}): KeyPolicy {
  const secret = {
    kind: 'bcrypt',
    bcrypt: hashSync(theKey, { cost }),
    prefix: theKey.slice(0, prefixCharacters),
  } as const;
  return testKey({ id, secret, ...more });
}

const billing = hashed('billing', key);

type Parts = Parameters<typeof testPolicy>[0];

function start(t: Parameters<typeof startPlainGateway>[0], policy: Parts): Promise<PlainGateway> {
  return startPlainGateway(
    t,
    (request, response) => {
      response.end(JSON.stringify(request.headers));
    },
    { policy },
  );
}

function codeOf({ text }: Answer): unknown {
  return (JSON.parse(text) as { code?: unknown }).code;
}

async function codeFor(gateway: PlainGateway, headers: readonly string[], method = 'GET'): Promise<unknown> {
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
    gateway.gateway.apply(testPolicy({ auth: { ...auth, keys: [] } }));
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
    const [lease] = await gateway.transport.list();
    const byId = await gateway.call(`/peer/${lease?.id ?? ''}/`, { headers: bearer(plainKey) });
    assert.equal(codeOf(byId), 'access_denied');
  });

  test('anonymous may call what is open to everyone, and nothing else', async (t) => {
    const open = await start(t, { auth, acl: { app: ['anonymous'] } });
    assert.equal(await codeFor(open, []), 200);
    assert.equal(await codeFor(open, bearer('wrong')), 'invalid_credentials');
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
