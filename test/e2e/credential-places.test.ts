// Which credentials belong to the gateway and are never forwarded, and which belong to the app and
// are forwarded unchanged.
import assert from 'node:assert/strict';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { describe, test, type TestContext } from 'node:test';
import { hashSync } from 'bcryptjs';
import { createApiKey, prefixCharacters } from '../../src/auth/api-key.ts';
import type { KeyPolicy } from '../../src/policy/policy.ts';
import { startPlainGateway, type PlainGateway } from '../helpers/plain-gateway.ts';
import { testKey, testLease, testPolicy } from '../helpers/policy.ts';
import { withKeyIdOf } from '../helpers/wrong-keys.ts';

const cost = 4;
const ours = createApiKey('live');
const foreign = 'made-elsewhere-0123456789';
const anothers = createApiKey('live');
const unprefixed = 'short-and-without-prefix';

function entry(id: string, key: string, prefixLength: number): KeyPolicy {
  return testKey({ id, secret: { kind: 'bcrypt', bcrypt: hashSync(key, cost), prefix: key.slice(0, prefixLength) } });
}

const keys = [entry('ours', ours, prefixCharacters), entry('foreign', foreign, 8)];
const closed = { '*': ['*'] };
const open = { '*': ['anonymous'] };

/**
 * Responds with the headers that may hold a credential and the caller identity that the app
 * received.
 */
function show(request: IncomingMessage, response: ServerResponse): void {
  const seen = request.rawHeaders.flatMap((name, i, all) =>
    i % 2 === 0 && /authorization|api-key|gateway-key/i.test(name)
      ? [`${name.toLowerCase()}: ${all[i + 1] ?? ''}`]
      : [],
  );
  response.end(JSON.stringify(seen.sort()));
}

async function ask(gateway: PlainGateway, path: string, headers: readonly string[]): Promise<unknown> {
  const { status, text } = await gateway.call(path, { headers });
  return status === 200 ? (JSON.parse(text) as unknown) : (JSON.parse(text) as { code: unknown }).code;
}

function start(t: TestContext, policy: Parameters<typeof testPolicy>[0]): Promise<PlainGateway> {
  return startPlainGateway(t, show, { policy: { auth: { keys }, ...policy } });
}

const jwt = 'eyJhbGciOiJIUzI1NiJ9.e30.c2ln';
const bearer = (token: string): string[] => ['Authorization', `Bearer ${token}`];
const apiKey = (key: string): string[] => ['X-API-Key', key];
const gatewayKey = (key: string): string[] => ['X-Gateway-Key', key];
const asOurs = 'x-gateway-key-id: ours';
const asForeign = 'x-gateway-key-id: foreign';
const basic = ['Authorization', 'Basic dXNlcjpwYXNz'];

type Row = readonly [what: string, headers: readonly string[], app: readonly string[] | string];

const onClosed: readonly Row[] = [
  [
    'our key and an app’s X-API-Key',
    [...bearer(ours), ...apiKey('sk-ant-api03-x')],
    [asOurs, 'x-api-key: sk-ant-api03-x'],
  ],
  ['our key and an app’s bearer token', [...apiKey(ours), ...bearer(jwt)], [`authorization: Bearer ${jwt}`, asOurs]],
  [
    'our key and Basic credentials of the app',
    [...apiKey(ours), ...basic],
    ['authorization: Basic dXNlcjpwYXNz', asOurs],
  ],
  [
    'a foreign key detected by its prefix, never used before',
    [...bearer(foreign), ...apiKey('x')],
    [asForeign, 'x-api-key: x'],
  ],
  ['only X-Gateway-Key', gatewayKey(ours), [asOurs]],
  [
    'X-Gateway-Key and both credentials of the app',
    [...gatewayKey(ours), ...basic, ...apiKey('x')],
    ['authorization: Basic dXNlcjpwYXNz', asOurs, 'x-api-key: x'],
  ],
  [
    'X-Gateway-Key and a key of ours meant for the app, which does not get it',
    [...gatewayKey(foreign), ...bearer(ours), ...apiKey(ours)],
    [asForeign],
  ],
  [
    'X-Gateway-Key and a key of another gateway, which is the app',
    [...gatewayKey(foreign), ...bearer(anothers)],
    [`authorization: Bearer ${anothers}`, asForeign],
  ],
  ['X-Gateway-Key in Authorization, too', [...gatewayKey(ours), ...bearer(ours)], [asOurs]],
  ['our key, and malformed Basic with it', [...apiKey(ours), 'Authorization', `Basic ${ours}, x`], 'invalid_request'],
  ['two keys of ours', [...bearer(ours), ...apiKey(foreign)], 'invalid_request'],
  ['two keys of our form, one unknown', [...bearer(ours), ...apiKey(createApiKey('test'))], 'invalid_request'],
  ['X-Gateway-Key twice', [...gatewayKey(ours), ...gatewayKey(ours)], 'invalid_request'],
  ['a wrong X-Gateway-Key beside a right key', [...gatewayKey('x'), ...bearer(ours)], 'invalid_credentials'],
  ['a wrong key of ours beside an app’s', [...bearer(withKeyIdOf(ours)), ...apiKey('x')], 'invalid_credentials'],
  ['neither key is ours', [...bearer(jwt), ...apiKey('x')], 'invalid_credentials'],
  ['only Basic credentials', basic, 'invalid_credentials'],
];

const onOpen: readonly Row[] = [
  ['nothing', [], []],
  ['the app’s bearer token', bearer(jwt), [`authorization: Bearer ${jwt}`]],
  ['the app’s X-API-Key', apiKey('x'), ['x-api-key: x']],
  ['Basic credentials of the app', basic, ['authorization: Basic dXNlcjpwYXNz']],
  ['both credentials of the app', [...bearer(jwt), ...apiKey('x')], [`authorization: Bearer ${jwt}`, 'x-api-key: x']],
  ['our key', bearer(ours), [asOurs]],
  ['our key beside an app’s', [...bearer(ours), ...apiKey('x')], [asOurs, 'x-api-key: x']],
  ['a wrong key of our form', bearer(createApiKey('live')), 'invalid_credentials'],
  ['a mistyped key of our form', apiKey(`${ours.slice(0, -6)}000000`), 'invalid_credentials'],
  ['a wrong key with a prefix of ours', apiKey('made-elsewhere-and-wrong'), 'invalid_credentials'],
  ['a wrong X-Gateway-Key', gatewayKey('x'), 'invalid_credentials'],
  ['our key without a scheme', ['Authorization', ours], 'invalid_credentials'],
  ['our key after another scheme', ['Authorization', `Token ${ours}`], 'invalid_credentials'],
  ['our key after Bearer in X-API-Key', apiKey(`Bearer ${ours}`), 'invalid_credentials'],
  ['a foreign key after a scheme', apiKey(`bearer\t${foreign}`), 'invalid_credentials'],
];

const inApps: readonly Row[] = [
  ['X-Gateway-Key', gatewayKey(ours), [asOurs]],
  ['X-Gateway-Key beside the app’s', [...gatewayKey(ours), ...basic], ['authorization: Basic dXNlcjpwYXNz', asOurs]],
  ['our key in Authorization', bearer(ours), 'missing_credentials'],
  ['our key in X-API-Key', apiKey(ours), 'missing_credentials'],
  ['a wrong X-Gateway-Key', gatewayKey(createApiKey('live')), 'invalid_credentials'],
  ['nothing', [], 'missing_credentials'],
];

const app = testLease({ credentials: 'app' });

for (const [where, rows, policy] of [
  ['a lease that needs a credential', onClosed, { acl: closed }],
  ['a lease open to anonymous', onOpen, { acl: open }],
  ['a lease whose credentials belong to the app', inApps, { acl: closed, leases: { app } }],
] as const) {
  describe(where, () => {
    for (const [what, headers, expected] of rows) {
      test(what, async (t) => {
        const wanted = typeof expected === 'string' ? expected : [...expected].sort();
        assert.deepEqual(await ask(await start(t, policy), '/peer/app/', headers), wanted);
      });
    }
  });
}

test('a WebSocket to a lease whose credentials belong to the app keeps all its subprotocols', async (t) => {
  const gateway = await startPlainGateway(
    t,
    (request, response) => response.end(request.headers['sec-websocket-protocol']),
    {
      policy: { auth: { keys }, acl: open, leases: { app } },
    },
  );
  const upgrade = ['Connection', 'Upgrade', 'Upgrade', 'websocket', 'Sec-WebSocket-Protocol'];
  const { text } = await gateway.call('/peer/app/', { headers: [...upgrade, `chat, portal-gateway.bearer.${ours}`] });
  assert.equal(text, `chat, portal-gateway.bearer.${ours}`);
});

test('while an entry has no prefix, verifies any token as its possible key, also on an open lease, and hides it from the app', async (t) => {
  const gateway = await start(t, { auth: { keys: [...keys, entry('short', unprefixed, 0)] }, acl: open });
  assert.deepEqual(await ask(gateway, '/peer/app/', bearer(unprefixed)), ['x-gateway-key-id: short']);
  assert.equal(await ask(gateway, '/peer/app/', bearer(jwt)), 'invalid_credentials');
  // Longer than any key that can have a bcrypt hash.
  const long = 't'.repeat(73);
  assert.deepEqual(await ask(gateway, '/peer/app/', bearer(long)), [`authorization: Bearer ${long}`]);
});

test('the place of the credential depends neither on the name used for the lease nor on earlier calls', async (t) => {
  for (const [leases, byName, byId] of [
    [() => ({ app }), 'missing_credentials', 'missing_credentials'],
    [(id: string) => ({ [id]: app }), 'missing_credentials', 'missing_credentials'],
    [(id: string) => ({ app, [id]: testLease() }), [asOurs], [asOurs]],
    [() => ({ '*': app, app: testLease() }), [asOurs], [asOurs]],
  ] as const) {
    const gateway = await start(t, { acl: closed });
    const [lease] = await gateway.transport.list();
    const id = lease?.id ?? '';
    await gateway.gateway.apply(testPolicy({ auth: { keys }, acl: closed, leases: leases(id) }));
    // A caller whose credential no setting concerns makes the directory learn of the lease.
    await ask(gateway, '/peer/app/', gatewayKey(ours));
    assert.deepEqual(await ask(gateway, '/peer/app/', bearer(ours)), byName);
    assert.deepEqual(await ask(gateway, `/peer/${id}/`, bearer(ours)), byId);
    assert.deepEqual(await ask(gateway, '/peer/APP/', bearer(ours)), byName);
  }
});

test('a lease not in the directory yet never gets the wider rule: no key reaches an app by mistake', async (t) => {
  const gateway = await start(t, { acl: closed });
  const [lease] = await gateway.transport.list();
  const id = lease?.id ?? '';
  await gateway.gateway.apply(testPolicy({ auth: { keys }, acl: closed, leases: { app, [id]: testLease() } }));
  assert.deepEqual(await ask(gateway, '/peer/app/', bearer(ours)), [asOurs]);
});

test('with forward_credential the app receives the header used, including X-Gateway-Key', async (t) => {
  const gateway = await start(t, { auth: { keys, forwardCredential: true }, acl: closed });
  assert.deepEqual(await ask(gateway, '/peer/app/', gatewayKey(ours)), [asOurs, `x-gateway-key: ${ours}`].sort());
  assert.deepEqual(await ask(gateway, '/peer/app/', bearer(ours)), [`authorization: Bearer ${ours}`, asOurs]);
});

test('lease settings neither move the credential of private gateway paths nor open them', async (t) => {
  const admin = entry('admin', ours, prefixCharacters);
  const gateway = await startPlainGateway(t, show, {
    policy: { auth: { keys: [{ ...admin, scopes: ['admin'] }] }, acl: open, leases: { '*': app } },
  });
  // Sent by a client behind a proxy: a connection from this machine proves nothing.
  const statusOf = async (...headers: string[]): Promise<number> =>
    (await gateway.call('/health/details', { headers: ['X-Forwarded-For', '192.0.2.7', ...headers] })).status;
  for (const headers of [bearer(ours), apiKey(ours), gatewayKey(ours)]) assert.equal(await statusOf(...headers), 200);
  for (const headers of [bearer(jwt), apiKey('x'), gatewayKey('x')]) assert.equal(await statusOf(...headers), 401);
});

test('a rejection explains what is wrong with the credential, from the request alone', async (t) => {
  const gateway = await start(t, { acl: closed });
  const detail = async (headers: readonly string[]): Promise<string> =>
    String((JSON.parse((await gateway.call('/peer/app/', { headers })).text) as { detail: unknown }).detail);
  const unknown = await detail(bearer(createApiKey('live')));
  assert.match(unknown, /unknown or revoked/);
  assert.equal(await detail(bearer(withKeyIdOf(ours))), unknown);
  assert.match(
    await detail(gatewayKey(`Bearer ${ours}`)),
    /^`X-Gateway-Key` must contain the key alone, without `Bearer`/,
  );
  assert.match(await detail(apiKey(`bearer ${ours}`)), /^`X-API-Key` must contain the key alone/);
  assert.match(await detail(gatewayKey('')), /^`X-Gateway-Key` is empty/);
  assert.match(await detail(bearer(ours.slice(0, -1))), /incomplete/);
  assert.match(await detail(bearer(`${ours.slice(0, -1)}${ours.endsWith('x') ? 'y' : 'x'}`)), /mistyped/);
  const foreigner = await detail(bearer('sk-proj-of-the-app'));
  assert.match(foreigner, /in `Authorization` is not a key of this gateway\. .*`X-Gateway-Key`/);
  // The response must not reveal that an entry with this prefix exists.
  assert.equal(await detail(bearer(`${foreign}x`)), foreigner);
  assert.match(
    await detail(apiKey('sk-ant-api03-x')),
    /in `X-API-Key` is not a key of this gateway\. .*`X-Gateway-Key`/,
  );
  assert.match(await detail(basic), /^`Authorization` must be `Bearer` .*`X-Gateway-Key`/);
  assert.match(await detail(['Authorization', ours]), /^`Authorization` must be `Bearer`/);
});

test('a rejection of a request without a credential explains where to send one', async (t) => {
  const gateway = await start(t, { acl: closed });
  const text = async (headers: readonly string[]): Promise<string> =>
    (await gateway.call('/peer/app/', { headers })).text;
  assert.doesNotMatch(await text([]), /subprotocol/);
  const upgrade = ['Connection', 'Upgrade', 'Upgrade', 'websocket', 'Sec-WebSocket-Protocol', ours];
  assert.match(await text(upgrade), /the subprotocol `portal-gateway\.bearer\.KEY`/);
});
