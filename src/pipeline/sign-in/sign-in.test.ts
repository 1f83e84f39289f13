// Sign-in of browsers through a whole gateway: links, the cookie, and what another site, another
// app and path mode can do with it.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request, type IncomingMessage } from 'node:http';
import { text } from 'node:stream/consumers';
import { describe, test, type TestContext } from 'node:test';
import { WebSocketServer } from 'ws';
import { BrowserSessions } from '../../auth/browser-sessions.ts';
import { createApiKey } from '../../auth/api-key.ts';
import { systemClock } from '../../kernel/clock.ts';
import { key, startPlainGateway } from '../../../test/helpers/plain-gateway.ts';
import { signInPath } from '../../auth/sign-in-url.ts';

interface Received {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

interface Place {
  readonly sessions: BrowserSessions;
  /** Name of the cookie. */
  readonly cookieName: string;
  readonly host: string;
  /** The headers that the app received, request by request. */
  readonly seen: IncomingMessage['headers'][];
  readonly call: (path: string, headers?: Record<string, string | string[]>, method?: string) => Promise<Received>;
  /** Signs in; returns the cookie to send. */
  readonly signIn: () => Promise<string>;
}

async function start(t: TestContext): Promise<Place> {
  const principal = { id: 'dev', kind: 'key', scopes: ['read', 'write'] } as const;
  const sessions = new BrowserSessions({ principal, clock: systemClock });
  const seen: IncomingMessage['headers'][] = [];
  const { app, port } = await startPlainGateway(
    t,
    (received, response) => {
      seen.push(received.headers);
      response.end('app');
    },
    { policy: { acl: { app: ['*'] }, baseDomain: 'localhost' }, listener: { sessions } },
  );
  const sockets = new WebSocketServer({ noServer: true });
  app.on('upgrade', (received: IncomingMessage, socket, head: Buffer) => {
    seen.push(received.headers);
    sockets.handleUpgrade(received, socket, head, (accepted) => {
      accepted.terminate();
    });
  });
  const host = `app.localhost:${port}`;
  const call: Place['call'] = async (path, headers = {}, method = 'GET') => {
    const outgoing = request({ host: '127.0.0.1', port, path, method, agent: false, headers: { host, ...headers } });
    outgoing.end();
    const received = await Promise.race([
      once(outgoing, 'response').then(([message]) => message as IncomingMessage),
      once(outgoing, 'upgrade').then(([message, socket]) => {
        (socket as { destroy: () => void }).destroy();
        return message as IncomingMessage;
      }),
    ]);
    const body = received.statusCode === 101 ? '' : await text(received);
    return { status: received.statusCode ?? 0, headers: received.headers, body };
  };
  const signIn = async (): Promise<string> => {
    const { headers } = await call(`${signInPath}?token=${sessions.createLink('app')}`);
    return headers['set-cookie']?.[0]?.split(';', 1)[0] ?? '';
  };
  return { sessions, cookieName: `portal-gateway-dev-${port}`, host, seen, call, signIn };
}

const html = { accept: 'text/html,application/xhtml+xml,*/*;q=0.8' };

test('a link signs in once, and shows itself to nobody', async (t) => {
  const { sessions, call, cookieName, seen } = await start(t);
  const link = `${signInPath}?token=${sessions.createLink('app')}`;
  const first = await call(link, html);
  assert.equal(first.status, 303);
  assert.equal(first.headers.location, '/');
  assert.equal(first.headers['cache-control'], 'no-store');
  assert.equal(first.headers['referrer-policy'], 'no-referrer');
  assert.match(
    first.headers['set-cookie']?.join('\n') ?? '',
    new RegExp(`^${cookieName}=[\\w-]{43}; Path=/; Max-Age=43200; HttpOnly; SameSite=Lax$`),
  );
  const second = await call(link, html);
  assert.equal(second.status, 401);
  assert.equal(second.headers['set-cookie'], undefined);
  assert.match(second.body, /works once/);
  assert.match(second.body, /restart/);
  assert.equal(seen.length, 0);
});

test('the same link again in the browser that used it leads to the app', async (t) => {
  const { sessions, call } = await start(t);
  const link = `${signInPath}?token=${sessions.createLink('app')}`;
  const cookie = (await call(link)).headers['set-cookie']?.[0]?.split(';', 1)[0] ?? '';
  const second = await call(link, { cookie });
  assert.deepEqual([second.status, second.headers.location, second.headers['set-cookie']], [303, '/', undefined]);
});

describe('does not use a link up:', () => {
  const cases: readonly (readonly [what: string, method: string, headers: Record<string, string>, status: number])[] = [
    ['HEAD', 'HEAD', {}, 405],
    ['OPTIONS', 'OPTIONS', {}, 405],
    ['PUT', 'PUT', {}, 405],
    ['POST without a key', 'POST', {}, 401],
    ['a prefetch', 'GET', { 'sec-purpose': 'prefetch' }, 503],
    ['a prerender', 'GET', { 'sec-purpose': 'prefetch;prerender' }, 503],
    ['a prefetch of an older browser', 'GET', { purpose: 'prefetch' }, 503],
    ['a prefetch of Firefox', 'GET', { 'x-moz': 'prefetch' }, 503],
    ['a preview of Safari', 'GET', { 'x-purpose': 'preview' }, 503],
  ];
  for (const [what, method, headers, status] of cases) {
    test(what, async (t) => {
      const { sessions, call } = await start(t);
      const link = `${signInPath}?token=${sessions.createLink('app')}`;
      const early = await call(link, headers, method);
      assert.deepEqual([early.status, early.headers['set-cookie']], [status, undefined]);
      assert.equal((await call(link)).status, 303);
    });
  }
});

test('a session calls the app as the key does, and the app never sees the cookie', async (t) => {
  const { call, signIn, seen, cookieName } = await start(t);
  const cookie = await signIn();
  const cases: readonly (readonly [sent: string | string[], passed: string | undefined])[] = [
    [cookie, undefined],
    [`a=1; ${cookie}; b=2`, 'a=1; b=2'],
    [['a=1', cookie, 'b=2'], 'a=1; b=2'],
    [`${cookie};portal-gateway-dev-1=x`, undefined],
    [` ${cookie} ;a="${cookieName}=y"`, `a="${cookieName}=y"`],
  ];
  for (const [sent, passed] of cases) {
    const { status, body } = await call('/page', { cookie: sent });
    assert.deepEqual([status, body], [200, 'app'], String(sent));
    const headers = seen.at(-1);
    assert.equal(headers?.cookie, passed);
    assert.equal(headers?.['x-gateway-key-id'], 'dev');
    assert.equal(headers['x-gateway-scopes'], 'read write');
  }
});

test('without a valid session a key is needed, and the app sees no cookie of the gateway', async (t) => {
  const { call, signIn, seen, cookieName, host } = await start(t);
  const cookie = await signIn();
  const port = Number(host.split(':')[1]);
  const refused: readonly Record<string, string>[] = [
    {},
    { cookie: 'a=1' },
    { cookie: `${cookieName}=` },
    { cookie: `${cookieName}=${'A'.repeat(43)}` },
    { cookie: `${cookie}; ${cookie}` },
    { cookie: cookie.slice(0, -1) },
    { cookie: cookie.replace(String(port), String(port + 1)) },
    { cookie: cookie.toUpperCase() },
    // The session is for the lease of its link.
    { cookie, host: `other.localhost:${port}` },
    // A key that is not valid is never replaced by a session.
    { cookie, 'x-gateway-key': 'wrong' },
    { cookie, authorization: 'Bearer sk_test_0123456789abcdefABCDEFGHIJKLMNOPQRSTUVWXYZ29cxxo' },
  ];
  for (const headers of refused) assert.equal((await call('/', headers)).status, 401, JSON.stringify(headers));
  assert.equal(seen.length, 0);
  const { status } = await call('/', { cookie: `a=1; ${cookieName}=old`, 'x-api-key': key });
  assert.deepEqual([status, seen.at(-1)?.cookie], [200, 'a=1']);
});

test('in path mode neither links nor sessions exist', async (t) => {
  const { call, signIn, sessions, seen } = await start(t);
  const cookie = await signIn();
  const link = `${signInPath}?token=${sessions.createLink('app')}`;
  for (const host of ['127.0.0.1', 'localhost', 'example.com']) {
    assert.equal((await call('/peer/app/', { cookie, host })).status, 401, host);
    assert.equal((await call(`/peer/app${link}`, { host })).status, 401, host);
    assert.equal((await call(link, { host })).status, 404, host);
    assert.equal(seen.length, 0);
    const { status } = await call('/peer/app/', { cookie: `a=1; ${cookie}`, host, 'x-api-key': key });
    assert.deepEqual([status, seen.pop()?.cookie], [200, 'a=1'], host);
  }
});

describe('a session in a request from', () => {
  const cases: readonly (readonly [what: string, method: string, headers: Record<string, string>, status: number])[] = [
    ['the own page', 'POST', { 'sec-fetch-site': 'same-origin' }, 200],
    ['the own page, in a browser without Fetch Metadata', 'POST', { origin: 'http://HOST' }, 200],
    ['another site that reads', 'GET', { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'cors' }, 403],
    [
      'a link of another site',
      'GET',
      { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' },
      200,
    ],
    ['another app that reads', 'GET', { 'sec-fetch-site': 'same-site', 'sec-fetch-mode': 'cors' }, 403],
    ['another app with an image', 'GET', { 'sec-fetch-site': 'same-site', 'sec-fetch-mode': 'no-cors' }, 200],
    ['an old browser that writes', 'POST', { referer: 'http://evil.example/' }, 403],
    ['a read with another method', 'GET', { origin: 'http://evil.example', 'x-http-method-override': 'PUT' }, 403],
    ['another site that writes', 'POST', { 'sec-fetch-site': 'cross-site' }, 403],
    ['another app that writes', 'DELETE', { 'sec-fetch-site': 'same-site' }, 403],
    ['another origin that writes', 'PUT', { origin: 'http://evil.example' }, 403],
    ['the own WebSocket', 'GET', { origin: 'http://HOST', upgrade: 'websocket' }, 101],
    ['the WebSocket of another site', 'GET', { origin: 'http://evil.example', upgrade: 'websocket' }, 403],
    ['the WebSocket of another app', 'GET', { origin: 'http://other.localhost', upgrade: 'websocket' }, 403],
  ];
  for (const [what, method, headers, status] of cases) {
    test(`${what}: ${status}`, async (t) => {
      const { call, signIn, host, seen } = await start(t);
      const cookie = await signIn();
      const sent = Object.fromEntries(
        Object.entries(headers).map(([name, value]) => [name, value.replace('HOST', host)]),
      );
      const upgrade = {
        connection: 'Upgrade',
        'sec-websocket-version': '13',
        'sec-websocket-key': 'AAAAAAAAAAAAAAAAAAAAAA==',
      };
      const response = await call('/', { cookie, ...sent, ...(headers['upgrade'] !== undefined && upgrade) }, method);
      assert.equal(response.status, status, response.body);
      assert.equal(seen.length, status === 403 ? 0 : 1);
    });
  }
});

test('beside a session, credentials of the app reach it', async (t) => {
  const { call, signIn, seen } = await start(t);
  const cookie = await signIn();
  for (const [name, value] of [
    ['authorization', 'Bearer token-of-the-app'],
    ['authorization', 'Basic dXNlcjpwYXNz'],
    ['x-api-key', 'of-the-app'],
  ] as const) {
    assert.equal((await call('/', { cookie, [name]: value })).status, 200);
    assert.equal(seen.at(-1)?.[name], value);
  }
});

test('beside a session, a key in the form of the gateway never reaches the app', async (t) => {
  const { call, signIn, seen } = await start(t);
  const cookie = await signIn();
  const own = createApiKey('test');
  const basic = (text: string): string => `Basic ${Buffer.from(text).toString('base64')}`;
  for (const [name, value] of [
    ['authorization', basic(`any:${own}`)],
    ['authorization', basic(`${own}:`)],
    ['authorization', `${basic(`any:${own}`)}, x`],
    ['authorization', basic(`any:x:${own}`)],
    ['authorization', basic(basic(`any:${own}`))],
    ['authorization', `Bearer ${own}`],
    ['x-api-key', own],
    ['x-api-key', `Bearer ${own}`],
    ['x-gateway-key', own],
  ] as const) {
    assert.equal((await call('/', { cookie, [name]: value })).status, 401, `${name}: ${value}`);
  }
  assert.equal(seen.length, 0);
});

test('a key makes another link; a session does not', async (t) => {
  const { call, signIn, host } = await start(t);
  const cookie = await signIn();
  assert.equal((await call(signInPath, { cookie, 'sec-fetch-site': 'same-origin' }, 'POST')).status, 401);
  const made = await call(signInPath, { authorization: `Bearer ${key}` }, 'POST');
  assert.equal(made.status, 201);
  const url = new URL(made.body.trim());
  assert.equal(url.host, host);
  assert.equal((await call(url.pathname + url.search)).status, 303);
});

test('a person without a session is told how to sign in; a program is not', async (t) => {
  const { call } = await start(t);
  const page = await call('/', html);
  assert.equal(page.status, 401);
  assert.match(page.headers['content-type'] ?? '', /^text\/html/);
  assert.match(page.body, /sign-in link/);
  const inPath = await call('/peer/app/', { ...html, host: '127.0.0.1' });
  assert.equal(inPath.status, 401);
  assert.match(inPath.body, /sign-in link/);
  const program = await call('/');
  assert.equal(program.status, 401);
  assert.match(program.body, /X-API-Key/);
  assert.match(String(program.headers['www-authenticate']), /^Bearer/);
});

test('a gateway without sessions has no sign-in', async (t) => {
  const { port } = await startPlainGateway(t, (_received, response) => response.end('app'), {
    policy: { acl: { app: ['*'] }, baseDomain: 'localhost' },
  });
  const outgoing = request({
    ...{ host: '127.0.0.1', port, path: signInPath, agent: false },
    headers: { host: `app.localhost:${port}`, 'x-api-key': key },
  });
  outgoing.end();
  const [response] = (await once(outgoing, 'response')) as [IncomingMessage];
  assert.deepEqual([response.statusCode, await text(response)], [200, 'app']);
});
