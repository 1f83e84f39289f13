// The mistakes of callers: each gets a status, a code, and a detail that says what is wrong, where,
// and what to do; its type links to a page with more. What callers may not know is in the log.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { request, type IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { test, type TestContext } from 'node:test';
import { createApiKey } from '../../src/auth/api-key.ts';
import type { ErrorCode } from '../../src/kernel/errors/error-table.ts';
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
lease_acl: { my-app: ["*"], no-http: ["*"], gone: ["*"], others: [nobody-here], open: [anonymous] }
admin: { port: ADMIN }
`;

interface Mistake {
  readonly path?: string;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string | string[]>>;
  readonly status: number;
  readonly code: ErrorCode;
  /** All of the detail of the response. */
  readonly what: RegExp;
  readonly where: RegExp;
  readonly remedy: RegExp;
  /** In the page that the `type` of the response links to, what to do in general. */
  readonly page: RegExp;
}

const bearer = (key: string): Record<string, string> => ({ authorization: `Bearer ${key}` });
const lastOf = (key: string): string => key.slice(0, -1) + (key.endsWith('a') ? 'b' : 'a');
const good = bearer(keys.good);
const unauthorised = { status: 401, code: 'invalid_credentials', page: /Check that the gateway has this key/ } as const;
const invalid = { status: 400, code: 'invalid_request', page: /Correct the request/ } as const;
const denied = { status: 403, code: 'access_denied', page: /portal-gateway explain/ } as const;

const mistakes: Readonly<Record<string, Mistake>> = {
  'no key': {
    ...{ status: 401, code: 'missing_credentials', page: /Send an API key/ },
    ...{
      what: /API key/,
      where: /`X-API-Key` or `X-Gateway-Key`/,
      remedy: /Send an API key as `Authorization: Bearer`/,
    },
  },
  'a mistyped key': {
    ...{ ...unauthorised, headers: bearer(lastOf(keys.good)) },
    ...{ what: /API key is mistyped/, where: /its last 6 characters do not match/, remedy: /Copy it again/ },
  },
  'a key of another gateway': {
    ...{ ...unauthorised, headers: bearer(createApiKey('live')) },
    ...{
      what: /API key is not valid/,
      where: /here: it is unknown or revoked/,
      remedy: /ask the operator for a new one/,
    },
  },
  'the beginning of a key': {
    ...{ ...unauthorised, headers: bearer(keys.good.slice(0, 20)) },
    ...{ what: /incomplete, or contains invalid/, where: /API key/, remedy: /copy all of it/ },
  },
  'a key of another service': {
    ...{ ...unauthorised, headers: bearer('ghp_0123456789abcdef') },
    ...{
      what: /is not a key of this gateway/,
      where: /in `Authorization`/,
      remedy: /send .* as `X-Gateway-Key` as well/,
    },
  },
  'a key of another service in the header of the gateway': {
    ...{ ...unauthorised, headers: { 'x-gateway-key': 'ghp_0123456789abcdef' } },
    ...{ what: /is not a key of this gateway/, where: /in `X-Gateway-Key`/, remedy: /: send one/ },
  },
  'a key with its scheme in X-API-Key': {
    ...{ ...unauthorised, headers: { 'x-api-key': `Bearer ${keys.good}` } },
    ...{ what: /must contain the key alone/, where: /`X-API-Key`/, remedy: /without `Bearer`/ },
  },
  'an empty X-API-Key': {
    ...{ ...unauthorised, headers: { 'x-api-key': '' } },
    ...{ what: /is empty/, where: /`X-API-Key`/, remedy: /send a key there, or leave it out/ },
  },
  'a key that is not valid yet': {
    ...{ ...unauthorised, headers: bearer(keys.early) },
    ...{ what: /not valid before/, where: /2099-01-01T00:00:00Z/, remedy: /use it from then on, or ask/ },
  },
  'an expired key': {
    ...{ status: 401, code: 'expired_credentials', headers: bearer(keys.old), page: /Request a new credential/ },
    ...{ what: /API key expired/, where: /at 2020-01-01T00:00:00Z/, remedy: /use its successor, or ask the operator/ },
  },
  'two keys': {
    ...{ ...invalid, headers: { ...good, 'x-api-key': keys.good } },
    ...{ what: /two keys/, where: /of this gateway/, remedy: /send one/ },
  },
  'a key from another address': {
    ...{ status: 403, code: 'ip_denied', headers: bearer(keys.elsewhere), page: /Call from an allowed address/ },
    ...{ what: /API key may not be used/, where: /from this address/, remedy: /`allowed_cidrs`/ },
  },
  'writing with a key that may read': {
    ...{ status: 403, code: 'insufficient_scope', method: 'POST', headers: bearer(keys.reader) },
    ...{ what: /scope write, which the credential lacks/, where: /"my-app"/, remedy: /use one that has it/ },
    page: /Use a key with that scope/,
  },
  'a lease of others': {
    ...{ ...denied, path: '/peer/others/', headers: good },
    ...{ what: /No rule allows this caller/, where: /the lease "others"/, remedy: /ask the operator for a rule/ },
  },
  'a mistyped lease': {
    ...{ ...denied, path: '/peer/my-ap/', headers: good },
    ...{ what: /No rule allows this caller/, where: /the lease "my-ap"/, remedy: /check its spelling/ },
  },
  'a lease whose app does not run': {
    ...{ status: 404, code: 'lease_not_found', path: '/peer/gone/', headers: good, page: /portal-gateway leases/ },
    ...{ what: /No relay lists a lease/, where: /with this name or id/, remedy: /its app is running/ },
  },
  'a lease that does not speak HTTP': {
    ...{
      status: 502,
      code: 'lease_unreachable',
      path: '/peer/no-http/',
      headers: good,
      page: /that the app is running/,
    },
    ...{
      what: /does not offer HTTP\/1\.1/,
      where: /This lease/,
      remedy: /Publish the app with `portal-gateway expose`/,
    },
  },
  'a path without a lease': {
    ...{ status: 404, code: 'not_found', path: '/my-app/', headers: good, page: /Leases are at/ },
    ...{ what: /Nothing is served/, where: /at this path/, remedy: /leases are at \/peer\/<lease>\// },
  },
  'a path with an empty lease': {
    ...{ ...invalid, path: '/peer//', headers: good },
    ...{ what: /does not name a lease/, where: /The path/, remedy: /\/peer\/<lease>/ },
  },
  'a name that is not valid UTF-8': {
    ...{ ...invalid, path: '/peer/%ff/', headers: good },
    ...{ what: /is not percent-encoded UTF-8/, where: /The lease in the path/, remedy: /encode its bytes as %XX/ },
  },
  'an open lease under a foreign name': {
    ...{ status: 421, code: 'misdirected_request', path: '/peer/open/', headers: { host: 'evil.test' } },
    ...{ what: /does not serve this lease/, where: /under the host "evil\.test"/, remedy: /`gateway\.allowed_hosts`/ },
    page: /by its own host name/,
  },
  'the wrong method on an endpoint of the gateway': {
    ...{ status: 405, code: 'method_not_allowed', path: '/health', method: 'POST', page: /`?Allow`? header/ },
    ...{ what: /Only GET and HEAD are allowed/, where: /here/, remedy: /use one of them/ },
  },
};

interface Problem {
  readonly status: number | undefined;
  readonly retryAfter: string | undefined;
  readonly code: string;
  readonly detail: string;
  readonly type: string;
}

/** The text of the section that the `type` of a problem links to. */
async function pageOf(url: string, type: string): Promise<string> {
  const link = new URL(type, url);
  const page = await (await fetch(link)).text();
  const [, section = ''] = page.split(`<section id="${link.hash.slice(1)}">`);
  return (section.split('</section>')[0] ?? '').replace(/<\/?code>/g, '');
}

async function call(
  url: string,
  { path = '/peer/my-app/', method = 'GET', headers = {} }: Partial<Mistake>,
): Promise<Problem> {
  const sent = request(new URL(url), { path, method, headers, agent: false });
  sent.end();
  const [response] = (await once(sent, 'response')) as [IncomingMessage];
  const problem = JSON.parse(await text(response)) as Pick<Problem, 'code' | 'detail' | 'type'>;
  return { ...problem, status: response.statusCode, retryAfter: response.headers['retry-after'] };
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
  await publishDemo(t, relay, 'no-http', 'smtp');
  const { cli, url, admin } = await start(t, relay);
  await cli.line(/"relay connected"/);

  for (const [name, mistake] of Object.entries(mistakes)) {
    await t.test(name, async () => {
      const { status, code, detail, type } = await call(url, mistake);
      assert.deepEqual([status, code], [mistake.status, mistake.code], detail);
      for (const part of [mistake.what, mistake.where, mistake.remedy]) assert.match(detail, part);
      assert.match(await pageOf(url, type), mistake.page);
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

test('so they do when the relay goes down after it listed the lease', async (t) => {
  const { relay, url: relayUrl } = await startRelay(t);
  await publishDemo(t, relayUrl, 'my-app');
  const { cli, url } = await start(t, relayUrl);
  await cli.line(/"relay connected"/);
  assert.equal((await call(url, { path: '/peer/my-app/echo', headers: good })).status, 200);
  await relay.close();
  await cli.line(/"cannot connect to the relay; retrying"/);
  const { code, detail } = await call(url, { headers: good });
  assert.equal(code, 'no_relay');
  assert.match(detail, /^The gateway is not connected to a relay, for \d+ s by now; it /);
});
