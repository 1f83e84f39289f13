// A key that a browser stores as the password of Basic: which requests of pages may use it, and
// which browsers are asked for it.
import assert from 'node:assert/strict';
import type { AddressInfo } from 'node:net';
import { describe, it } from 'node:test';
import { createApiKey } from '../../src/auth/api-key.ts';
import type { LeasePolicy } from '../../src/policy/policy.ts';
import { ask, basic, id, on, start, type PolicyParts } from '../helpers/basic-requests.ts';
import { key } from '../helpers/plain-gateway.ts';
import { testLease } from '../helpers/policy.ts';

const basicChallenge = 'Basic realm="portal-gateway", charset="UTF-8"';

const fetched = (site: string, mode: string, dest: string): readonly string[] => [
  ...['Sec-Fetch-Site', site, 'Sec-Fetch-Mode', mode, 'Sec-Fetch-Dest', dest],
];

describe('a Basic password that a browser stores', () => {
  const host = ['Host', 'app.peers.test'];
  const cases: readonly (readonly [what: string, line: string, headers: readonly string[], isAllowed: boolean])[] = [
    ['a page load', 'GET /', [...host, 'Sec-Fetch-Site', 'none'], true],
    ['a link from another site', 'GET /', [...host, ...fetched('cross-site', 'navigate', 'document')], true],
    ['a frame of another site', 'GET /', [...host, ...fetched('cross-site', 'navigate', 'iframe')], false],
    ['an image on another site', 'GET /', [...host, ...fetched('cross-site', 'no-cors', 'image')], false],
    ['an image on another app’s page', 'GET /', [...host, ...fetched('same-site', 'no-cors', 'image')], true],
    ['a read that another app’s page sees', 'GET /', [...host, ...fetched('same-site', 'cors', 'empty')], false],
    ['the same over plain http', 'GET /', [...host, 'Origin', 'http://b.peers.test'], false],
    [
      'a link with another method',
      'GET /',
      [...host, ...fetched('cross-site', 'navigate', 'document'), 'X-HTTP-Method-Override', 'PUT'],
      false,
    ],
    ['a write of an old browser', 'POST /', [...host, 'Referer', 'http://evil.test/'], false],
    ['a write of npm, which names its command', 'PUT /', [...host, 'Referer', 'publish'], true],
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

  describe('and `cors` of its lease', () => {
    const front = 'https://front.test';
    const allowed = (origins: string[], credentials = true): LeasePolicy['cors'] => ({
      ...{ enabled: true, origins, methods: ['*'], headers: [], credentials, maxAgeMs: 0 },
    });
    const one = ['Host', 'one.peers.test'];
    const rows: readonly (readonly [what: string, policy: PolicyParts, isAllowed: boolean])[] = [
      ['allows the origin with credentials', { cors: allowed([front]) }, true],
      ['allows the origin without credentials', { cors: allowed([front], false) }, false],
      ['allows another origin', { cors: allowed(['https://other.test']) }, false],
      ['allows the origin for this lease', { leases: { one: testLease({ cors: allowed([front]) }) } }, true],
      ['allows the origin for another lease', { leases: { b: testLease({ cors: allowed([front]) }) } }, false],
      [
        'allows the origin for the gateway, and for this lease another one',
        { cors: allowed([front]), leases: { one: testLease({ cors: allowed(['https://other.test']) }) } },
        false,
      ],
      ['allows the origin for an id', { leases: { [id]: testLease({ cors: allowed([front]) }) } }, true],
      [
        'allows the origin for the name, and for the id another one',
        {
          leases: {
            one: testLease({ cors: allowed([front]) }),
            [id]: testLease({ cors: allowed(['https://other.test']) }),
          },
        },
        false,
      ],
    ];
    for (const [what, policy, isAllowed] of rows) {
      it(`${isAllowed ? 'admits' : 'refuses'} its pages where it ${what}`, async (t) => {
        const gateway = await start(t, { ...on, ...policy });
        gateway.transport.publish({ name: 'one', port: (gateway.app.address() as AddressInfo).port, id });
        const page = [...one, ...fetched('cross-site', 'cors', 'empty'), 'Origin', front];
        for (const line of ['GET /', 'POST /', 'DELETE /']) {
          const { status } = await ask(gateway, line, [...page, 'Content-Length', '0', ...basic(key)]);
          assert.equal(status, isAllowed ? 200 : 403, line);
        }
        const withoutOrigin = [...one, ...fetched('cross-site', 'no-cors', 'image'), ...basic(key)];
        assert.equal((await ask(gateway, 'GET /', withoutOrigin)).status, 403);
      });
    }
  });

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
