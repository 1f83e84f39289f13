// A key as the password of Basic: which requests it authenticates, and which challenge callers get.
import assert from 'node:assert/strict';
import type { AddressInfo } from 'node:net';
import { describe, it } from 'node:test';
import { createApiKey } from '../../src/auth/api-key.ts';
import type { LeasePolicy } from '../../src/policy/policy.ts';
import { ask, basic, id, on, start, type PolicyParts } from '../helpers/basic-requests.ts';
import { key } from '../helpers/plain-gateway.ts';
import { testKey, testLease } from '../helpers/policy.ts';

const bearerChallenge = 'Bearer realm="portal-gateway"';
const basicChallenge = 'Basic realm="portal-gateway", charset="UTF-8"';

describe('a key as the password of Basic', () => {
  const unknown = createApiKey('test');
  const leases = (own: boolean): Record<string, LeasePolicy> => ({ app: testLease({ basic: own }) });
  const cases: readonly (readonly [
    what: string,
    policy: PolicyParts,
    headers: readonly string[],
    is: string,
    asksForBasic?: boolean,
  ])[] = [
    ['is a credential where it is on, and is removed', on, basic(key), 'GET -'],
    ['needs no user', on, basic(key, ''), 'GET -'],
    [
      'may be forwarded',
      { auth: { basic: true, forwardCredential: true } },
      basic(key, ''),
      `GET ${basic(key, '')[1] ?? ''}`,
    ],
    ['is none by default', {}, basic(key), 'invalid_credentials', false],
    ['is one for a lease that turns it on', { leases: leases(true) }, basic(key), 'GET -'],
    [
      'is none for a lease that turns it off',
      { ...on, leases: leases(false) },
      basic(key),
      'invalid_credentials',
      false,
    ],
    ['a wrong key is rejected, with both challenges', on, basic(unknown), 'invalid_credentials', true],
    [
      'an expired key is rejected, with both challenges',
      { auth: { basic: true, keys: [testKey({ expiresAtMs: 1 })] } },
      basic(key),
      'expired_credentials',
      true,
    ],
    ['without a credential, both challenges', on, [], 'missing_credentials', true],
    ['without a credential, one challenge where it is off', {}, [], 'missing_credentials', false],
    ['an empty password', on, basic(''), 'invalid_credentials', true],
    ['the key as the user', on, basic('', key), 'invalid_credentials', true],
    ['no Base64', on, ['Authorization', `Basic any:${key}`], 'invalid_credentials', true],
    [
      'another password on an open lease belongs to the app',
      { ...on, acl: { app: ['anonymous'] } },
      basic('secret'),
      `GET ${basic('secret')[1] ?? ''}`,
    ],
    [
      'our key never reaches an open lease, even where it is off',
      { acl: { app: ['anonymous'] } },
      basic(key),
      'invalid_credentials',
      false,
    ],
    [
      'of the app, beside X-Gateway-Key',
      on,
      ['X-Gateway-Key', key, ...basic('secret')],
      `GET ${basic('secret')[1] ?? ''}`,
    ],
    [
      'belongs to the app with credentials: app',
      { ...on, leases: { app: testLease({ credentials: 'app' }) } },
      basic(key),
      'missing_credentials',
      false,
    ],
    [
      'turned on for an id, and requested by name',
      { leases: { [id]: testLease({ basic: true }) } },
      basic(key),
      'missing_credentials',
      false,
    ],
  ];
  for (const [what, policy, headers, is, asksForBasic] of cases) {
    it(what, async (t) => {
      const { code, text, challenges } = await ask(await start(t, policy), 'GET /peer/app/', headers);
      assert.equal(code ?? text, is);
      if (asksForBasic === undefined) return;
      assert.ok(challenges[0]?.startsWith(bearerChallenge), challenges.join('; '));
      assert.deepEqual(challenges.slice(1), asksForBasic ? [basicChallenge] : []);
    });
  }

  it('follows the lease, whichever of its id and name a caller uses and the configuration names', async (t) => {
    const rows: [pattern: string, path: string, is: string][] = [
      [id, `/peer/${id}/`, '-'],
      [id, '/peer/one/', '-'],
      ['one', `/peer/${id}/`, '-'],
      ['one', '/peer/one/', '-'],
      ['app', `/peer/${id}/`, 'missing_credentials'],
      ['app', '/peer/one/', 'invalid_credentials'],
      ['app', '/peer/nobody/', 'invalid_credentials'],
    ];
    for (const [pattern, path, is] of rows) {
      const gateway = await start(t, { leases: { [pattern]: testLease({ basic: true }) } });
      gateway.transport.publish({ name: 'one', port: (gateway.app.address() as AddressInfo).port, id });
      const { code, text } = await ask(gateway, `GET ${path}`, basic(key));
      assert.equal(code ?? text, is === '-' ? 'GET -' : is, `${pattern} ${path}`);
    }
  });

  it('is throttled like any other wrong key', async (t) => {
    const gateway = await start(t, on);
    const codes: (string | undefined)[] = [];
    for (let i = 0; i < 12; i += 1) {
      codes.push((await ask(gateway, 'GET /peer/app/', basic(createApiKey('test')))).code);
    }
    assert.ok(codes.includes('rate_limited'), codes.join(' '));
  });

  it('opens the private endpoints for programs', async (t) => {
    const gateway = await start(t, { auth: { basic: true, keys: [testKey({ scopes: ['admin'] })] } });
    const remote = ['Host', 'gw.test'];
    assert.equal((await ask(gateway, 'GET /health/details', [...remote, ...basic(key)])).status, 200);
    assert.equal((await ask(gateway, 'GET /health/details', remote)).status, 404);
    const page = [...remote, 'Sec-Fetch-Site', 'same-origin', ...basic(key)];
    assert.equal((await ask(gateway, 'GET /health/details', page)).code, 'access_denied');
  });
});
