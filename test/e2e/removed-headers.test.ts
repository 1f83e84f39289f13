// The request headers that reach an app through a gateway: none by which a client could pose as
// another caller.
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { removedHeaders } from '../../src/kernel/http/removed-headers.ts';
import { ask, show } from '../helpers/echo-app.ts';
import { key, startPlainGateway, type PlainGateway } from '../helpers/plain-gateway.ts';
import { testKey, type testPolicy } from '../helpers/policy.ts';
import { get, startSecureGateway } from '../helpers/secure-gateway.ts';

const names = removedHeaders.flatMap((group) => group.names.map((name) => name.replace('*', 'user')));
const spelled = [
  ...names,
  ...names.map((name) => name.replaceAll('-', '_')),
  ...names.map((name) => name.replaceAll('-', '.')),
];
const forged = 'forged-value';

function start(t: TestContext, policy: Parameters<typeof testPolicy>[0] = {}): Promise<PlainGateway> {
  return startPlainGateway(t, show, { policy });
}

/** Splits the list by the number of fields that a head may have. */
function* portions(list: readonly string[]): Generator<readonly string[]> {
  for (let at = 0; at < list.length; at += 100) yield list.slice(at, at + 100);
}

test('no removed header reaches the app, in any spelling, neither in the head nor in trailers', async (t) => {
  const gateway = await start(t);
  for (const portion of portions(spelled)) {
    const fields = portion.map((name) => `${name}: ${forged}`);
    const plain = await ask(gateway, 'GET /peer/app/ HTTP/1.1', 'Host: a', 'X-Own: kept', ...fields);
    assert.equal(plain.status, 200);
    assert.ok(!plain.body.includes(forged), plain.body);
    assert.deepEqual(plain.saw('x-own'), ['kept']);
    const trailers = `0\r\nX-Sum: kept\r\n${fields.join('\r\n')}\r\n\r\n`;
    const socket = gateway.raw(
      `POST /peer/app/ HTTP/1.1\r\nHost: a\r\nX-API-Key: ${key}\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n${trailers}`,
    );
    let response = '';
    for await (const chunk of socket) response += String(chunk);
    assert.match(response, /"trailers":\["X-Sum","kept"\]/);
  }
});

test('nor over HTTP/2', async (t) => {
  const gateway = await startSecureGateway(t, show);
  const session = await gateway.session();
  for (const portion of portions(spelled)) {
    const headers = Object.fromEntries([...get('/'), ...portion.map((name) => [name, forged] as const)]);
    const stream = session.request(headers);
    let body = '';
    for await (const chunk of stream) body += String(chunk);
    assert.match(body, /"method":"GET"/);
    assert.ok(!body.includes(forged), body);
  }
});

test('a trusted proxy may pass headers in gateway.forward_headers, and nothing else; others may not', async (t) => {
  const forwardHeaders = ['x-forwarded-user', 'remote-groups'];
  const sent = ['X-Forwarded-User: alice', 'Remote-Groups: staff', 'X-Forwarded-Email: a@b', 'X_Forwarded_User: eve'];
  const behind = await start(t, { trustedProxies: ['127.0.0.1'], forwardHeaders });
  const { saw } = await ask(behind, 'GET /peer/app/ HTTP/1.1', 'Host: a', ...sent);
  assert.deepEqual([saw('x-forwarded-user'), saw('remote-groups')], [['alice'], ['staff']]);
  assert.deepEqual([saw('x-forwarded-email'), saw('x_forwarded_user')], [[], []]);
  const direct = await start(t, { trustedProxies: ['192.0.2.1'], forwardHeaders });
  const { body } = await ask(direct, 'GET /peer/app/ HTTP/1.1', 'Host: a', ...sent);
  assert.doesNotMatch(body, /alice|staff|eve/);
});

test('a method override passes only with the scope of that method', async (t) => {
  const cases: readonly [scopes: readonly string[], method: string, passes: boolean][] = [
    [['read'], 'DELETE', false],
    [['read'], 'delete', false],
    [['read'], 'GET, DELETE', false],
    [['read'], '', false],
    [['read'], 'HEAD', true],
    [['read', 'write'], 'DELETE', true],
    [['read', 'write'], 'PURGE', true],
  ];
  for (const [scopes, method, passes] of cases) {
    const gateway = await start(t, { auth: { keys: [testKey({ scopes })] } });
    for (const name of ['X-HTTP-Method-Override', 'x_http_method_override', 'X-HTTP-Method', 'X-Method-Override']) {
      const { saw } = await ask(gateway, 'GET /peer/app/ HTTP/1.1', 'Host: a', `${name}: ${method}`);
      assert.deepEqual(saw(name.toLowerCase()), passes ? [method] : [], `${name}: ${method} with ${scopes.join()}`);
    }
  }
});

test('a request with any proxy header does not count as one of this machine', async (t) => {
  const gateway = await start(t, { metrics: { enabled: true } });
  for (const name of [
    'via',
    'x-forwarded-user',
    'x_forwarded_for',
    'true-client-ip',
    'x-original-url',
    'x-client-ip',
  ]) {
    const { status } = await ask(gateway, 'GET /health/details HTTP/1.1', 'Host: localhost', `${name}: 1`);
    // The key lacks the scope `admin`, which would admit it from any address.
    assert.equal(status, 403, name);
  }
  assert.equal((await ask(gateway, 'GET /health/details HTTP/1.1', 'Host: localhost')).status, 200);
});
