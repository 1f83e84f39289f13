// gateway.allowed_hosts: the hosts under which leases are served, by default and with a list.
// Rejections reveal nothing about a lease.
import assert from 'node:assert/strict';
import { buffer } from 'node:stream/consumers';
import { test, type TestContext } from 'node:test';
import { key, startPlainGateway } from '../helpers/plain-gateway.ts';
import type { testPolicy } from '../helpers/policy.ts';

type Ask = (target: string, host: string, ...fields: readonly string[]) => Promise<{ status: number; text: string }>;

const appId = 'APPAAAAAAAAAAAAAAAAAAAAAAA';
const unknownId = 'NONEAAAAAAAAAAAAAAAAAAAAAA';
const withKey = `X-API-Key: ${key}`;

async function start(t: TestContext, policy: Parameters<typeof testPolicy>[0]): Promise<Ask> {
  const { raw } = await startPlainGateway(t, (_, response) => response.end('app'), { policy });
  return async (target, host, ...fields) => {
    const method = target.includes(' ') ? target : `GET ${target}`;
    const head = [`${method} HTTP/1.1`, `Host: ${host}`, 'Connection: close', ...fields, '', ''].join('\r\n');
    const text = (await buffer(raw(head))).toString('latin1');
    return { status: Number(/^HTTP\/1\.1 (\d{3})/.exec(text)?.[1]), text };
  };
}

test('serves a lease open to anonymous only under names that foreign DNS cannot have, with or without a key', async (t) => {
  const acl = { app: ['anonymous'], '*': ['*'] };
  const ask = await start(t, { acl, baseDomain: 'peers.test', publicHost: 'gw.test' });
  for (const host of ['127.0.0.1', 'localhost:8080', 'app.localhost', '[::1]', '192.0.2.1', 'gw.test', 'peers.test']) {
    assert.equal((await ask('/peer/app/', host)).status, 200, host);
  }
  assert.equal((await ask('/', 'app.peers.test')).status, 200);
  for (const host of ['evil.test', 'gw.test.evil.test', 'localhost.evil.test']) {
    for (const fields of [[], [withKey], ['X-Forwarded-Host: gw.test']]) {
      const refused = await ask('/peer/app/', host, ...fields);
      assert.equal(refused.status, 421, host);
      assert.match(refused.text, /"code":"misdirected_request"/);
      assert.ok(refused.text.includes(`under the host \\"${host}\\"`), refused.text);
    }
    assert.equal((await ask('http://evil.test/peer/app/', 'evil.test')).status, 421);
  }
});

test('serves a lease that requires a credential under any host', async (t) => {
  const ask = await start(t, { acl: { app: ['*'], other: ['anonymous'] } });
  assert.equal((await ask('/peer/app/', 'evil.test', withKey)).status, 200);
  assert.equal((await ask('/peer/app/', 'evil.test')).status, 401);
});

test('a list applies to every lease; health and other paths are exempt', async (t) => {
  const ask = await start(t, { allowedHosts: ['gw.test', '*.apps.test'] });
  for (const host of ['gw.test', 'gw.test:8080', 'a.apps.test']) {
    assert.equal((await ask('/peer/app/', host, withKey)).status, 200, host);
  }
  for (const host of ['127.0.0.1', 'localhost', 'evil.test', 'apps.test']) {
    assert.equal((await ask('/peer/app/', host, withKey)).status, 421, host);
    assert.equal((await ask('/peer/app/', host)).status, 421, host);
    for (const path of ['/health', '/health/live', '/health/ready']) assert.equal((await ask(path, host)).status, 200);
    assert.equal((await ask('/nowhere', host)).status, 404);
  }
});

test('uses the host named by a trusted proxy', async (t) => {
  const ask = await start(t, { acl: { app: ['anonymous'] }, publicHost: 'gw.test', trustedProxies: ['127.0.0.1'] });
  assert.equal((await ask('/peer/app/', 'inner.test', 'X-Forwarded-Host: gw.test')).status, 200);
  assert.equal((await ask('/peer/app/', 'gw.test', 'X-Forwarded-Host: evil.test')).status, 421);
});

test('under a foreign host, rejects by the rules and the requested name, whether the lease exists or not', async (t) => {
  const statuses = async (acl: Record<string, string[]>, target: string, ...fields: string[]): Promise<number> =>
    (await (await start(t, { acl }))(target, 'evil.test', ...fields)).status;
  const pairs: readonly [string, Record<string, string[]>, string, string, readonly string[], number][] = [
    ['open by name', { app: ['anonymous'], none: ['anonymous'] }, '/peer/app/', '/peer/none/', [], 421],
    ['open by prefix', { 'a*': ['anonymous'] }, '/peer/app/', '/peer/abc/', [], 421],
    ['all open', { '*': ['anonymous'] }, `/peer/${appId}/`, `/peer/${unknownId}/`, [], 421],
    ['closed', { x: ['anonymous'] }, '/peer/app/', '/peer/none/', [], 401],
    ['closed, with a key', { x: ['anonymous'] }, '/peer/app/', '/peer/none/', [withKey], 403],
    [
      'closed to anonymous by its id',
      { '*': ['anonymous'], [appId]: ['someone'] },
      '/peer/app/',
      '/peer/none/',
      [],
      421,
    ],
  ];
  for (const [what, acl, known, unknown, fields, status] of pairs) {
    assert.deepEqual(
      [await statuses(acl, known, ...fields), await statuses(acl, unknown, ...fields)],
      [status, status],
      what,
    );
  }
});

test('the id of a lease opened by name does not bypass the check, and neither does a preflight', async (t) => {
  const cors = { enabled: true, origins: ['*'] };
  const ask = await start(t, { acl: { app: ['anonymous'] }, cors });
  assert.equal((await ask(`/peer/${appId}/`, 'localhost')).status, 200);
  assert.equal((await ask(`/peer/${appId}/`, 'evil.test')).status, 421);
  const preflight = ['Origin: http://evil.test', 'Access-Control-Request-Method: PUT'];
  assert.equal((await ask('OPTIONS /peer/app/', 'evil.test', ...preflight)).status, 421);
  assert.equal((await ask('OPTIONS /peer/app/', 'localhost', ...preflight)).status, 204);
});

test('serves an HTTP/1.0 client without a Host, unless there is a list', async (t) => {
  for (const [allowedHosts, status] of [
    [[], '200'],
    [['gw.test'], '421'],
  ] as const) {
    const { raw } = await startPlainGateway(t, (_, response) => response.end('app'), {
      policy: { acl: { app: ['anonymous'] }, allowedHosts },
    });
    const text = (await buffer(raw('GET /peer/app/ HTTP/1.0\r\n\r\n'))).toString('latin1');
    assert.equal(text.slice(9, 12), status);
  }
});
