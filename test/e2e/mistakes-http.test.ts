// The mistakes of callers: each gets a status, a code, and a detail that says what is wrong and
// where; the table of errors says what to do. What callers may not know is in the log.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { request, type IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { test, type TestContext } from 'node:test';
import { createApiKey } from '../../src/auth/api-key.ts';
import { type ErrorCode, errorTable } from '../../src/kernel/errors/error-table.ts';
import { startCli, temporaryDirectory, type CliProcess } from '../helpers/cli.ts';
import { freePort } from '../helpers/free-port.ts';
import { publishDemo, startRelay } from '../helpers/published-demo.ts';

const keys = {
  good: createApiKey('live'),
  old: createApiKey('live'),
  early: createApiKey('live'),
  elsewhere: createApiKey('live'),
  reader: createApiKey('live'),
};

const config = `
auth:
  keys:
    - { id: good, key: ${keys.good} }
    - { id: old, key: ${keys.old}, expires_at: 2020-01-01T00:00:00Z }
    - { id: early, key: ${keys.early}, not_before: 2099-01-01T00:00:00Z }
    - { id: elsewhere, key: ${keys.elsewhere}, allowed_cidrs: [10.0.0.0/8] }
    - { id: reader, key: ${keys.reader}, scopes: [read] }
lease_acl: { my-app: ["*"], gone: ["*"], others: [nobody-here], open: [anonymous] }
admin: { port: ADMIN }
`;

interface Mistake {
  readonly path?: string;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string | string[]>>;
  readonly status: number;
  readonly code: ErrorCode;
  /** In the detail of the response. */
  readonly says: readonly RegExp[];
  /** In the table of errors. */
  readonly remedy: RegExp;
}

const bearer = (key: string): Record<string, string> => ({ authorization: `Bearer ${key}` });
const lastOf = (key: string): string => key.slice(0, -1) + (key.endsWith('a') ? 'b' : 'a');
const good = bearer(keys.good);
const unauthorised = {
  status: 401,
  code: 'invalid_credentials',
  remedy: /Check that the gateway has this key/,
} as const;

const mistakes: Readonly<Record<string, Mistake>> = {
  'no key': {
    ...{ status: 401, code: 'missing_credentials' },
    ...{ says: [/Send an API key as `Authorization: Bearer`/], remedy: /Send an API key/ },
  },
  'a mistyped key': {
    ...{ ...unauthorised, headers: bearer(lastOf(keys.good)) },
    says: [/mistyped: its last 6 characters do not match/],
  },
  'a key of another gateway': {
    ...{ ...unauthorised, headers: bearer(createApiKey('live')) },
    says: [/not valid here: it is unknown or revoked/],
  },
  'the beginning of a key': {
    ...{ ...unauthorised, headers: bearer(keys.good.slice(0, 20)) },
    says: [/incomplete, or contains invalid characters/],
  },
  'a key of another service': {
    ...{ ...unauthorised, headers: bearer('ghp_0123456789abcdef') },
    says: [/in `Authorization` is not a key of this gateway/, /`X-Gateway-Key` as well/],
  },
  'a key with its scheme in X-API-Key': {
    ...{ ...unauthorised, headers: { 'x-api-key': `Bearer ${keys.good}` } },
    says: [/`X-API-Key` must contain the key alone, without `Bearer`/],
  },
  'an empty X-API-Key': {
    ...{ ...unauthorised, headers: { 'x-api-key': '' } },
    says: [/`X-API-Key` is empty/],
  },
  'a key that is not valid yet': {
    ...{ ...unauthorised, headers: bearer(keys.early) },
    says: [/not valid before 2099-01-01T00:00:00Z/],
  },
  'an expired key': {
    ...{ status: 401, code: 'expired_credentials', headers: bearer(keys.old) },
    ...{ says: [/expired at 2020-01-01T00:00:00Z/, /ask the operator/], remedy: /Request a new credential/ },
  },
  'two keys': {
    ...{ status: 400, code: 'invalid_request', headers: { ...good, 'x-api-key': keys.good } },
    ...{ says: [/two keys of this gateway: send one/], remedy: /Correct the request/ },
  },
  'a key from another address': {
    ...{ status: 403, code: 'ip_denied', headers: bearer(keys.elsewhere) },
    ...{ says: [/API key may not be used from this address/], remedy: /Call from an allowed address/ },
  },
  'writing with a key that may read': {
    ...{ status: 403, code: 'insufficient_scope', method: 'POST', headers: bearer(keys.reader) },
    ...{ says: [/"my-app" needs the scope write/], remedy: /Use a key with that scope/ },
  },
  'a lease of others': {
    ...{ status: 403, code: 'access_denied', path: '/peer/others/', headers: good },
    ...{ says: [/No rule allows this caller to call the lease "others"/], remedy: /portal-gateway explain/ },
  },
  'a mistyped lease': {
    ...{ status: 403, code: 'access_denied', path: '/peer/my-ap/', headers: good },
    ...{ says: [/the lease "my-ap"/], remedy: /portal-gateway explain/ },
  },
  'a lease whose app does not run': {
    ...{ status: 404, code: 'lease_not_found', path: '/peer/gone/', headers: good },
    ...{ says: [/No relay lists a lease with this name or id/], remedy: /check that the app is running/ },
  },
  'a path without a lease': {
    ...{ status: 404, code: 'not_found', path: '/my-app/', headers: good },
    ...{ says: [/./], remedy: /Leases are at `\/peer\/<lease>\/`/ },
  },
  'a name that is not valid UTF-8': {
    ...{ status: 400, code: 'invalid_request', path: '/peer/%ff/', headers: good },
    ...{ says: [/./], remedy: /Correct the request/ },
  },
  'an open lease under a foreign name': {
    ...{ status: 421, code: 'misdirected_request', path: '/peer/open/', headers: { host: 'evil.test' } },
    ...{ says: [/evil\.test/], remedy: /gateway\.allowed_hosts/ },
  },
  'the wrong method on an endpoint of the gateway': {
    ...{ status: 405, code: 'method_not_allowed', path: '/health', method: 'POST' },
    ...{ says: [/./], remedy: /`Allow` header/ },
  },
};

interface Problem {
  readonly status: number | undefined;
  readonly retryAfter: string | undefined;
  readonly code: string;
  readonly detail: string;
}

async function call(
  url: string,
  { path = '/peer/my-app/', method = 'GET', headers = {} }: Partial<Mistake>,
): Promise<Problem> {
  const sent = request(new URL(url), { path, method, headers, agent: false });
  sent.end();
  const [response] = (await once(sent, 'response')) as [IncomingMessage];
  const { code, detail } = JSON.parse(await text(response)) as { code: string; detail: string };
  return { status: response.statusCode, retryAfter: response.headers['retry-after'], code, detail };
}

async function start(t: TestContext, relay: string): Promise<{ cli: CliProcess; url: string; admin: string }> {
  const directory = await temporaryDirectory(t);
  const file = join(directory, 'gateway.yaml');
  // 0 would switch the admin listener off.
  await writeFile(file, config.replace('ADMIN', String(await freePort())));
  const cli = startCli(t, ['start', file, '--port', '0', '--relay', relay], { XDG_STATE_HOME: directory });
  const [, url = '', admin = ''] = await cli.line(/"url":"(http:[^"]+)","admin":"(http:[^"]+)".*"listening"/);
  return { cli, url, admin };
}

test('mistakes of callers are named', async (t) => {
  const { url: relay } = await startRelay(t);
  await publishDemo(t, relay, 'my-app');
  await publishDemo(t, relay, 'open');
  const { cli, url, admin } = await start(t, relay);
  await cli.line(/"relay connected"/);

  for (const [name, mistake] of Object.entries(mistakes)) {
    await t.test(name, async () => {
      const { status, code, detail } = await call(url, mistake);
      assert.deepEqual([status, code], [mistake.status, mistake.code], detail);
      for (const part of mistake.says) assert.match(detail, part);
      assert.match(errorTable[mistake.code].remedy, mistake.remedy);
      for (const key of Object.values(keys)) assert.ok(!detail.includes(key));
    });
  }

  await t.test('the log names the lease that was probably meant', async () => {
    await cli.line(/"lease":"my-ap","near":"my-app","message":"a request names an unknown lease/);
    assert.ok(!cli.stdout().includes('"near":"gone"'));
  });

  await t.test('the admin port is in the line of the start', async () => {
    assert.equal((await fetch(`${admin}/health/live`)).status, 200);
  });
});

test('while the relay is down, callers learn since when and when to try again', async (t) => {
  const { cli, url } = await start(t, 'ws://127.0.0.1:9/relay');
  await cli.line(/"cannot connect to the relay; retrying"/);
  const { status, code, detail, retryAfter } = await call(url, { headers: good });
  assert.deepEqual([status, code], [503, 'no_relay']);
  assert.match(
    detail,
    /^The gateway is not connected to a relay, for \d+ s by now; it (?:tries again in \d+ s|is trying to connect now)\.$/,
  );
  assert.ok(Number(retryAfter) >= 1);
});
