// Every response header in which an app names itself leads clients back to the gateway, and the
// URLs that clients send lead to the app, whichever hop replaced Host.
import assert from 'node:assert/strict';
import type { IncomingMessage, RequestListener } from 'node:http';
import { request } from 'node:http';
import { once } from 'node:events';
import { test, type TestContext } from 'node:test';
import { ask, show } from '../helpers/echo-app.ts';
import { responseTo, call, exposeApp } from '../helpers/exposed-app.ts';
import { auth, startPlainGateway, type PlainGateway } from '../helpers/plain-gateway.ts';
import { tunnelOver } from '../helpers/plain-transport.ts';
import { testLease } from '../helpers/policy.ts';

/** Builds URLs from Host, as REST frameworks, MCP servers and container registries do. */
const naming: RequestListener = ({ headers: { host = '' } }, response) => {
  response.writeHead(401, [
    ...['Link', `<http://${host}/a?page=2>; rel="next"; anchor="http://${host}/a", </b>; rel=up`],
    ...['Link', '<https://other.test/>; rel=license'],
    ...['WWW-Authenticate', `Bearer resource_metadata="http://${host}/.well-known/oauth-protected-resource"`],
    ...['WWW-Authenticate', `Bearer realm="http://${host}/token",service="x"`, 'Alt-Svc', 'h3=":443"'],
  ]);
  response.end();
};

interface Way {
  readonly name: string;
  readonly line: string;
  readonly host: string;
  /** The app's base URL for clients. */
  readonly base: string;
  readonly start: (t: TestContext, serve: RequestListener) => Promise<PlainGateway>;
}

const policy = { baseDomain: 'peers.test', publicOrigin: 'http://gw.test', publicHost: 'gw.test' };
const direct = (t: TestContext, serve: RequestListener): Promise<PlainGateway> =>
  startPlainGateway(t, serve, { policy });
const replacing = (t: TestContext, serve: RequestListener): Promise<PlainGateway> =>
  startPlainGateway(t, serve, { policy: { ...policy, leases: { app: testLease({ hostHeader: 'inner.test:81' }) } } });
const exposed = async (t: TestContext, serve: RequestListener): Promise<PlainGateway> => {
  const app = await exposeApp(t, serve);
  const gateway = await startPlainGateway(t, () => undefined, { policy });
  gateway.transport.dialInstead = () => Promise.resolve(tunnelOver(app.tunnel().client));
  return gateway;
};

const byPath = { line: '/peer/app', host: 'gw.test', base: 'http://gw.test/peer/app' };
const byHost = { line: '', host: 'app.peers.test', base: 'http://app.peers.test' };
const ways: readonly Way[] = [
  { name: 'by path', start: direct, ...byPath },
  { name: 'by path with host_header', start: replacing, ...byPath },
  { name: 'by host with host_header', start: replacing, ...byHost },
  { name: 'by path through expose', start: exposed, ...byPath },
  { name: 'by host through expose', start: exposed, ...byHost },
];

for (const { name, start, line, host, base } of ways) {
  test(`${name}: maps Link and WWW-Authenticate back, and drops Alt-Svc`, async (t) => {
    const gateway = await start(t, naming);
    const { head, values } = await ask(gateway, `GET ${line}/a HTTP/1.1`, `Host: ${host}`);
    assert.doesNotMatch(head, /127\.0\.0\.1|localhost|inner|\/\/app[/"]/);
    assert.deepEqual(values('link'), [
      `<${line}/a?page=2>; rel="next"; anchor="${line}/a", <${line}/b>; rel=up`,
      '<https://other.test/>; rel=license',
    ]);
    assert.deepEqual(values('www-authenticate'), [
      `Bearer resource_metadata="${base}/.well-known/oauth-protected-resource"`,
      `Bearer realm="${base}/token",service="x"`,
    ]);
    assert.deepEqual(values('alt-svc'), []);
  });

  test(`${name}: maps Destination and If to resources of the app, and Referer to its page`, async (t) => {
    const gateway = await start(t, show);
    const { seen, saw } = await ask(
      gateway,
      `COPY ${line}/a HTTP/1.1`,
      `Host: ${host}`,
      `Destination: ${base}/b%20c?d`,
      `If: <${base}/b%20c> (<urn:uuid:1>)`,
      `Origin: http://${host}`,
      `Referer: ${base}/page?x`,
    );
    assert.equal(seen.url, '/a');
    assert.deepEqual(saw('destination'), ['/b%20c?d']);
    assert.deepEqual(saw('if'), ['</b%20c> (<urn:uuid:1>)']);
    assert.deepEqual(saw('origin'), [`http://${saw('host')[0] ?? ''}`]);
    assert.deepEqual(saw('referer'), [`http://${saw('host')[0] ?? ''}/page?x`]);
  });

  test(`${name}: leaves references to other hosts unchanged`, async (t) => {
    const gateway = await start(t, show);
    for (const url of ['https://other.test/b', `http://${host}.evil.test/b`, 'http://gw.test/peer/other/b']) {
      const fields = [`Destination: ${url}`, `If: <${url}> (<urn:uuid:1>)`, `Referer: ${url}`];
      const { saw } = await ask(gateway, `COPY ${line}/a HTTP/1.1`, `Host: ${host}`, ...fields);
      assert.deepEqual([saw('destination'), saw('if'), saw('referer')], [[url], [`<${url}> (<urn:uuid:1>)`], [url]]);
    }
  });
}

test('by host without a replaced Host, changes only Alt-Svc', async (t) => {
  const gateway = await direct(t, naming);
  const { values } = await ask(gateway, 'GET /a HTTP/1.1', 'Host: app.peers.test');
  assert.match(values('link')[0] ?? '', /^<http:\/\/app\.peers\.test\/a\?page=2>/);
  assert.deepEqual(values('alt-svc'), []);
  const { saw } = await ask(
    await direct(t, show),
    'COPY /a HTTP/1.1',
    'Host: app.peers.test',
    'Destination: http://app.peers.test/b',
  );
  assert.deepEqual(saw('destination'), ['http://app.peers.test/b']);
});

test('a path in Destination is a gateway path, and a path of two slashes names no host', async (t) => {
  const gateway = await direct(t, show);
  for (const [sent, seen] of [
    ['/peer/app/b', '/b'],
    ['/peer/app', '/'],
    ['/peer/app//evil.test/b', '/.//evil.test/b'],
    ['/peer/application/b', '/peer/application/b'],
    ['/b', '/b'],
  ] as const) {
    const { saw } = await ask(gateway, 'MOVE /peer/app/a HTTP/1.1', 'Host: gw.test', `Destination: ${sent}`);
    assert.deepEqual(saw('destination'), [seen]);
  }
});

test('maps Referer to the app only where Origin would be mapped', async (t) => {
  const gateway = await direct(t, show);
  for (const [host, referer, seen] of [
    ['evil.test', 'http://evil.test/peer/app/x', 'http://evil.test/peer/app/x'],
    ['gw.test', 'http://gw.test/', 'http://app/'],
    ['gw.test', 'http://gw.test/peer/other/x', 'http://gw.test/peer/other/x'],
  ] as const) {
    const { saw } = await ask(gateway, 'GET /peer/app/ HTTP/1.1', `Host: ${host}`, `Referer: ${referer}`);
    assert.deepEqual(saw('referer'), [seen]);
  }
});

test('a URL in a challenge gets the scheme of public_url, and of a trusted proxy', async (t) => {
  const metadata = async (gateway: PlainGateway, ...fields: string[]): Promise<string | undefined> =>
    (await ask(gateway, 'GET /peer/app/ HTTP/1.1', 'Host: gw.test', ...fields)).values('www-authenticate')[0];
  const url = 'https://gw.test/peer/app/.well-known/oauth-protected-resource';
  const secure = { publicOrigin: 'https://gw.test', publicHost: 'gw.test' };
  assert.equal(
    await metadata(await startPlainGateway(t, naming, { policy: secure })),
    `Bearer resource_metadata="${url}"`,
  );
  const proxied = await startPlainGateway(t, naming, { policy: { trustedProxies: ['127.0.0.1'] } });
  assert.equal(await metadata(proxied, 'X-Forwarded-Proto: https'), `Bearer resource_metadata="${url}"`);
});

test('also maps early hints and trailers', async (t) => {
  const hinting: RequestListener = ({ headers: { host = '' } }, response) => {
    response.writeEarlyHints({ link: [`<http://${host}/b>; rel=alternate`] });
    response.writeHead(200, { trailer: 'Link' });
    response.write('x');
    response.addTrailers([['Link', `<http://${host}/t>; rel=next`]]);
    response.end();
  };
  for (const start of [direct, exposed]) {
    const gateway = await start(t, hinting);
    const headers = [...auth, 'Host', 'gw.test', 'Connection', 'close', 'TE', 'trailers'];
    const outgoing = request({
      host: '127.0.0.1',
      port: gateway.port,
      path: '/peer/app/',
      headers,
      agent: false,
    }).end();
    const hints = once(outgoing, 'information') as Promise<[{ headers: IncomingMessage['headers'] }]>;
    const [response] = (await once(outgoing, 'response')) as [IncomingMessage];
    await once(response.resume(), 'end');
    assert.equal((await hints)[0].headers['link'], '</peer/app/b>; rel=alternate');
    assert.equal(response.trailers['link'], '</peer/app/t>; rel=next');
  }
});

test('by path, leaves a relative preload as it is in the document', async (t) => {
  const link = '</s.css>; rel=preload; as=style';
  const gateway = await direct(t, (_, response) => response.writeHead(200, { link }).end());
  assert.deepEqual((await ask(gateway, 'GET /peer/app/ HTTP/1.1', 'Host: gw.test')).values('link'), [link]);
});

test('drops links that would make the head much longer, and the rest arrives', async (t) => {
  const links = '</>;rel=a,'.repeat(6_000);
  const gateway = await startPlainGateway(
    t,
    (_, response) => response.writeHead(200, ['Link', links, 'Link', '</a>; rel=next', 'X-Own', '1']).end('ok'),
    { policy: { trustedProxies: ['127.0.0.1'] } },
  );
  const { values, body } = await ask(
    gateway,
    'GET /peer/app/ HTTP/1.1',
    'Host: a',
    'X-Forwarded-Prefix: /outer/prefix',
  );
  assert.equal(values('link').join(), '</outer/prefix/peer/app/a>; rel=next');
  assert.deepEqual(values('x-own'), ['1']);
  assert.match(body, /ok/);
});

test('only expose: a challenge names the Host of the caller', async (t) => {
  const app = await exposeApp(t, naming);
  const { headers } = await call(app);
  assert.equal(
    headers['www-authenticate'],
    'Bearer resource_metadata="http://caller.test/.well-known/oauth-protected-resource", ' +
      'Bearer realm="http://caller.test/token",service="x"',
  );
  assert.equal(headers['alt-svc'], undefined);
  const proxied = await call(app, { headers: { 'x-forwarded-proto': 'https' } });
  assert.match(proxied.headers['www-authenticate'] ?? '', /"https:\/\/caller\.test\/\.well-known/);
  const preserving = await exposeApp(t, naming, { hostHeader: { mode: 'preserve' } });
  const kept = await responseTo(preserving, 'GET / HTTP/1.1\r\nHost: 127.0.0.1:1\r\nConnection: close\r\n\r\n');
  assert.match(kept, /resource_metadata="http:\/\/127\.0\.0\.1:1\//);
});
