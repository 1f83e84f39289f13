// Every place for a credential combined with every invalid key: the same response wherever the key
// stands, and no part of the key in the response.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { hashSync } from 'bcryptjs';
import { createApiKey, prefixCharacters } from '../../src/auth/api-key.ts';
import { authenticated, listen } from '../../src/kernel/events.ts';
import type { KeyPolicy } from '../../src/policy/policy.ts';
import { startPlainGateway } from '../helpers/plain-gateway.ts';
import { testKey, testPolicy } from '../helpers/policy.ts';

const cost = 4;

function entry(id: string, key: string, more: Partial<KeyPolicy> = {}): KeyPolicy {
  const bcrypt = hashSync(key, cost);
  return testKey({ id, secret: { kind: 'bcrypt', bcrypt, prefix: key.slice(0, prefixCharacters) }, ...more });
}

const [good, expired, early, elsewhere] = Array.from({ length: 4 }, () => createApiKey('live'));
const foreign = 'made-elsewhere-0123456789';
const others = createApiKey('live');
const now = Date.now();
const keys = [
  entry('good', good ?? ''),
  entry('expired', expired ?? '', { expiresAtMs: now - 1 }),
  entry('early', early ?? '', { notBeforeMs: now + 3_600_000 }),
  entry('elsewhere', elsewhere ?? '', { allowedCidrs: ['192.0.2.0/24'] }),
  entry('foreign', foreign),
  // The key id of another key, and therefore a wrong secret for that key.
  {
    ...entry('same', createApiKey('live')),
    secret: { ...secretOf(others), prefix: others.slice(0, prefixCharacters) },
  },
];

function secretOf(key: string): { readonly kind: 'bcrypt'; readonly bcrypt: string } {
  return { kind: 'bcrypt', bcrypt: hashSync(`${key}x`, cost) };
}

const places: Readonly<Record<string, (key: string) => readonly string[]>> = {
  'Authorization: Bearer': (key) => ['Authorization', `Bearer ${key}`],
  'Authorization: Basic': (key) => ['Authorization', `Basic ${Buffer.from(`any:${key}`).toString('base64')}`],
  'X-API-Key': (key) => ['X-API-Key', key],
  'a subprotocol': (key) => [
    ...['Connection', 'Upgrade', 'Upgrade', 'websocket', 'Sec-WebSocket-Protocol'],
    `chat, portal-gateway.bearer.${key}`,
  ],
};

const faults: readonly (readonly [what: string, key: string, code: 200 | 400 | string])[] = [
  ['a valid key', good ?? '', 200],
  ['an imported key', foreign, 200],
  ['an expired key', expired ?? '', 'expired_credentials'],
  ['a key that is not valid yet', early ?? '', 'invalid_credentials'],
  ['a key from the wrong address', elsewhere ?? '', 'ip_denied'],
  ['an unknown key id', createApiKey('live'), 'invalid_credentials'],
  ['a wrong secret', others, 'invalid_credentials'],
  ['a mistyped key', `${(good ?? '').slice(0, -6)}000000`, 'invalid_credentials'],
  ['a truncated key', (good ?? '').slice(0, -1), 'invalid_credentials'],
  ['a key in another case', foreign.toUpperCase(), 'invalid_credentials'],
  ['a key of another form', 'whatever', 'invalid_credentials'],
  ['a key longer than bcrypt reads', 'k'.repeat(73), 'invalid_credentials'],
];

const challenges =
  'Bearer realm="portal-gateway", error="invalid_token", Basic realm="portal-gateway", charset="UTF-8"';

for (const [place, headersFor] of Object.entries(places)) {
  describe(`in ${place}`, () => {
    for (const [what, key, code] of faults) {
      test(`${what}: ${code}`, async (t) => {
        // One gateway for each case, because failures from one address are throttled.
        const gateway = await startPlainGateway(
          t,
          (request, response) => response.end(JSON.stringify(request.rawHeaders)),
          { policy: { auth: { keys, basic: true } } },
        );
        const { status, text, message } = await gateway.call('/peer/app/', { headers: headersFor(key) });
        assert.ok(!text.includes(key), 'the key reached the app or is in the response');
        assert.ok(!message.rawHeaders.join('\n').includes(key));
        if (typeof code === 'number') assert.equal(status, code);
        else assert.equal((JSON.parse(text) as { code: unknown }).code, code);
        assert.equal(message.headers['www-authenticate'], status === 401 ? challenges : undefined);
      });
    }
  });
}

test('with X-API-Key, rejects a key of ours in Authorization by its form or prefix, verified or not, and no other token', async (t) => {
  const gateway = await startPlainGateway(t, (request, response) => response.end(request.headers.authorization), {
    policy: { auth: { keys } },
  });
  const statusOf = async (token: string): Promise<number> =>
    (await gateway.call('/peer/app/', { headers: ['X-API-Key', foreign, 'Authorization', `Bearer ${token}`] })).status;
  assert.equal(await statusOf(good ?? ''), 400);
  assert.equal(await statusOf(`${(good ?? '').slice(0, -6)}000000`), 400);
  assert.equal(await statusOf(createApiKey('live')), 400);
  assert.equal(await statusOf(foreign), 400);
  assert.equal(await statusOf('eyJhbGciOiJIUzI1NiJ9.e30.c2ln'), 200);
});

test('counts credential types and outcomes', async (t) => {
  const reported: string[] = [];
  t.after(
    listen(authenticated, ({ method, outcome }) => {
      reported.push(`${method} ${outcome}`);
    }),
  );
  const gateway = await startPlainGateway(t, (_, response) => response.end(), {
    policy: { auth: { keys }, acl: { app: ['*'] } },
  });
  const call = (...headers: string[]): Promise<unknown> => gateway.call('/peer/app/', { headers });
  await call('X-API-Key', good ?? '');
  await call('X-API-Key', good ?? '');
  await call('X-API-Key', expired ?? '');
  await call('Authorization', `Bearer ${createApiKey('live')}`);
  await call('Authorization', 'Basic eDp5');
  await call('X-API-Key', good ?? '', 'X-API-Key', foreign);
  await call();
  await gateway.gateway.apply(testPolicy({ acl: { app: ['anonymous'] } }));
  await call();
  assert.deepEqual(reported, [
    ...['api_key success', 'api_key success', 'api_key expired_credentials', 'api_key invalid_credentials'],
    ...['other invalid_credentials', 'other invalid_request', 'none missing_credentials', 'none success'],
  ]);
});
