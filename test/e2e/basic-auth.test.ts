// A key as the password of Basic: which requests it authenticates, which challenge callers get, and
// which requests of browsers are refused.
import assert from 'node:assert/strict';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, it, type TestContext } from 'node:test';
import { createApiKey } from '../../src/auth/api-key.ts';
import type { LeasePolicy } from '../../src/policy/policy.ts';
import { key, startPlainGateway, type PlainGateway } from '../helpers/plain-gateway.ts';
import { testKey, testLease, type testPolicy } from '../helpers/policy.ts';

type PolicyParts = NonNullable<Parameters<typeof testPolicy>[0]>;

const basic = (password: string, user = 'any'): readonly string[] => [
  'Authorization',
  `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`,
];
const bearerChallenge = 'Bearer realm="portal-gateway"';
const basicChallenge = 'Basic realm="portal-gateway", charset="UTF-8"';

/** Responds with the method and the Authorization that the app received. */
function show({ method = '', headers }: IncomingMessage, response: ServerResponse): void {
  response.setHeader('X-App', 'yes').end(`${method} ${headers.authorization ?? '-'}`);
}

async function start(t: TestContext, policy: PolicyParts): Promise<PlainGateway> {
  const gateway = await startPlainGateway(t, show, { policy: { baseDomain: 'peers.test', ...policy } });
  gateway.app.on('upgrade', (_request, socket) => {
    socket.end('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n');
  });
  return gateway;
}

const on: PolicyParts = { auth: { basic: true } };
const id = 'A'.repeat(26);

interface Outcome {
  readonly status: number;
  readonly code: string | undefined;
  readonly detail: string | undefined;
  readonly text: string;
  readonly challenges: readonly string[];
}

/** Sends the request by hand, so that its Host is free. */
async function ask(gateway: PlainGateway, line: string, headers: readonly string[]): Promise<Outcome> {
  const { host = '', fields } = withoutHost(headers);
  const lines = fields.map((name, i) => (i % 2 === 0 ? `${name}: ${fields[i + 1] ?? ''}\r\n` : '')).join('');
  const socket = gateway.raw(`${line} HTTP/1.1\r\nHost: ${host || `127.0.0.1:${gateway.port}`}\r\n${lines}\r\n`);
  let received = '';
  for await (const chunk of socket as AsyncIterable<Buffer>) {
    received += chunk.toString();
    const [head = '', body] = received.split('\r\n\r\n');
    const length = Number(/^content-length: (\d+)/im.exec(head)?.[1] ?? 0);
    if (body !== undefined && Buffer.byteLength(body) >= length) break;
  }
  const [head = '', text = ''] = received.split('\r\n\r\n');
  const problem = text.startsWith('{') ? (JSON.parse(text) as { code: string; detail: string }) : undefined;
  return {
    status: Number(head.slice(9, 12)),
    code: problem?.code,
    detail: problem?.detail,
    text,
    challenges: Array.from(head.matchAll(/^www-authenticate: (.*)$/gim), ([, value = '']) => value.trim()),
  };
}

function withoutHost(headers: readonly string[]): { host: string | undefined; fields: readonly string[] } {
  if (headers[0] !== 'Host') return { host: undefined, fields: headers };
  return { host: headers[1], fields: headers.slice(2) };
}

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

describe('a Basic password that a browser stores', () => {
  const host = ['Host', 'app.peers.test'];
  const cases: readonly (readonly [what: string, line: string, headers: readonly string[], isAllowed: boolean])[] = [
    ['a page load', 'GET /', [...host, 'Sec-Fetch-Site', 'none'], true],
    ['a link from another site', 'GET /', [...host, 'Sec-Fetch-Site', 'cross-site'], true],
    [
      'a write of the app’s own page',
      'POST /',
      [...host, 'Sec-Fetch-Site', 'same-origin', 'Origin', 'http://app.peers.test'],
      true,
    ],
    ['a write of its own page, over plain http', 'POST /', [...host, 'Origin', 'http://app.peers.test'], true],
    [
      'a write of another app’s page',
      'POST /',
      [...host, 'Sec-Fetch-Site', 'same-site', 'Origin', 'http://b.peers.test'],
      false,
    ],
    ['a write of another app’s page, over plain http', 'POST /', [...host, 'Origin', 'http://b.peers.test'], false],
    ['a write of another site’s page', 'DELETE /', [...host, 'Sec-Fetch-Site', 'cross-site'], false],
    ['a write of a sandboxed page', 'POST /', [...host, 'Origin', 'null'], false],
    ['git, curl and other programs', 'POST /', host, true],
    ['a page load by path', 'GET /peer/app/', ['Sec-Fetch-Site', 'none'], false],
    ['a read of a page by path', 'GET /peer/app/', ['Sec-Fetch-Site', 'same-origin'], false],
    ['a write of a page by path', 'POST /peer/app/', ['Host', 'gw.test', 'Origin', 'http://gw.test'], false],
    ['programs by path', 'POST /peer/app/', [], true],
    ['fetch() of Node.js by path', 'POST /peer/app/', ['Sec-Fetch-Mode', 'cors'], true],
  ];
  for (const [what, line, headers, isAllowed] of cases) {
    it(`${isAllowed ? 'admits' : 'refuses'} ${what}`, async (t) => {
      const gateway = await start(t, on);
      const { status, code } = await ask(gateway, line, [...headers, 'Content-Length', '0', ...basic(key)]);
      assert.deepEqual([status, code], isAllowed ? [200, undefined] : [403, 'access_denied']);
      // A key that the page sends itself is no CSRF.
      const own = await ask(gateway, line, [...headers, 'Content-Length', '0', 'X-Gateway-Key', key]);
      assert.equal(own.status, 200);
    });
  }

  for (const [origin, status] of [
    ['http://app.peers.test', 101],
    ['http://evil.test', 403],
  ] as const) {
    it(`a WebSocket of a page at ${origin} is ${status}`, async (t) => {
      const upgrade = ['Connection', 'Upgrade', 'Upgrade', 'websocket', 'Sec-WebSocket-Version', '13'];
      const headers = [...host, ...upgrade, 'Sec-WebSocket-Key', 'AAAAAAAAAAAAAAAAAAAAAA==', 'Origin', origin];
      assert.equal((await ask(await start(t, on), 'GET /', [...headers, ...basic(key)])).status, status);
    });
  }

  it('is refused before the key is verified, so that pages cannot test keys', async (t) => {
    const gateway = await start(t, on);
    const headers = [...host, 'Sec-Fetch-Site', 'cross-site', 'Content-Length', '0'];
    const right = await ask(gateway, 'POST /', [...headers, ...basic(key)]);
    const wrong = await ask(gateway, 'POST /', [...headers, ...basic(createApiKey('test'))]);
    assert.deepEqual([wrong.status, wrong.code, wrong.detail], [right.status, right.code, right.detail]);
  });

  it('is all that clients of a container registry are asked for', async (t) => {
    const gateway = await start(t, on);
    for (const path of ['/v2/', '/v2/team/image/manifests/latest', '/v2/image/blobs/uploads/?mount=x']) {
      assert.deepEqual((await ask(gateway, `GET ${path}`, host)).challenges, [basicChallenge], path);
    }
    for (const path of ['/v2', '/v2/images', '/v2/images?x=/tags/', '/x/v2/']) {
      assert.equal((await ask(gateway, `GET ${path}`, host)).challenges.length, 2, path);
    }
  });

  const asked: readonly (readonly [what: string, line: string, headers: readonly string[], isAsked: boolean])[] = [
    ['a browser at the host of a lease', 'GET /', [...host, 'Sec-Fetch-Site', 'none', 'Accept', 'text/html'], true],
    ['a browser by path', 'GET /peer/app/', ['Sec-Fetch-Site', 'none'], false],
    ['a browser by path, over plain http', 'GET /peer/app/', ['Accept', 'text/html,*/*;q=0.8'], false],
    ['git by path', 'GET /peer/app/', ['User-Agent', 'git/2.47', 'Accept', '*/*', 'Accept-Language', 'de'], true],
  ];
  for (const [what, line, headers, isAsked] of asked) {
    it(`${what} is ${isAsked ? '' : 'not '}asked for it`, async (t) => {
      const { status, challenges } = await ask(await start(t, on), line, headers);
      assert.deepEqual([status, challenges.includes(basicChallenge)], [401, isAsked]);
    });
  }
});
