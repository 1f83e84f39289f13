// The `type` of a problem is a page on the same gateway that explains the code, and never another
// host.
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { policyOf } from '../../src/config/load/to-policy.ts';
import { defaultConfig } from '../../src/config/schema/defaults.ts';
import { errorTable } from '../../src/kernel/errors/error-table.ts';
import { ask } from '../helpers/echo-app.ts';
import { responseTo, exposeApp } from '../helpers/exposed-app.ts';
import { startPlainGateway } from '../helpers/plain-gateway.ts';
import { startSecureGateway } from '../helpers/secure-gateway.ts';

interface Problem {
  readonly type: string;
  readonly title: string;
  readonly code: string;
}

const page = '/.well-known/portal-gateway/errors';

function problemIn(response: string): Problem {
  return JSON.parse(response.split('\r\n\r\n').at(-1) ?? '') as Problem;
}

test('by path, the type is a gateway path with the code as its fragment', async (t) => {
  const gateway = await startPlainGateway(t, () => undefined);
  for (const [line, code] of [
    ['GET /peer/nobody/a/b HTTP/1.1', 'lease_not_found'],
    ['GET /nothing HTTP/1.1', 'not_found'],
    ['GET /peer/%zz/ HTTP/1.1', 'invalid_request'],
    ['TRACE /peer/app/ HTTP/1.1', 'not_implemented'],
    ['POST /health HTTP/1.1', 'method_not_allowed'],
    // Rejected by the HTTP parser.
    ['BROKEN', 'invalid_request'],
  ] as const) {
    const { type } = problemIn((await ask(gateway, line, 'Host: gw.test')).body);
    assert.equal(type, `${page}#${code}`, line);
    const shown = await ask(gateway, `GET ${page} HTTP/1.1`, 'Host: gw.test');
    assert.equal(shown.status, 200);
    assert.ok(shown.body.includes(`<section id="${code}">`), line);
  }
});

test('with public_url the type is below it, in every mode', async (t) => {
  const policy = { publicUrl: 'https://gw.test/outer', baseDomain: 'peers.test' };
  const gateway = await startPlainGateway(t, () => undefined, { policy });
  for (const [line, host] of [
    ['GET /peer/nobody/ HTTP/1.1', 'gw.test'],
    ['GET / HTTP/1.1', 'nobody.peers.test'],
    ['BROKEN', 'gw.test'],
  ] as const) {
    const { type, code } = problemIn((await ask(gateway, line, `Host: ${host}`)).body);
    assert.equal(type, `https://gw.test/outer${page}#${code}`, line);
  }
});

test('public_url may end with a slash', () => {
  const config = defaultConfig();
  const urls = ['https://gw.test', 'https://gw.test/', 'https://gw.test/outer/'].map(
    (publicUrl) => policyOf({ ...config, gateway: { ...config.gateway, publicUrl } }).publicUrl,
  );
  assert.deepEqual(urls, ['https://gw.test', 'https://gw.test', 'https://gw.test/outer']);
});

test('in host mode without public_url there is no page: about:blank and the status phrase', async (t) => {
  const gateway = await startPlainGateway(t, (request, response) => response.end(`app ${request.url ?? ''}`), {
    policy: { baseDomain: 'peers.test' },
  });
  for (const host of ['nobody.peers.test', 'no.lease.peers.test']) {
    const { type, title } = problemIn((await ask(gateway, 'GET / HTTP/1.1', `Host: ${host}`)).body);
    assert.equal(type, 'about:blank');
    assert.ok(['Not Found', 'Misdirected Request'].includes(title), title);
  }
  assert.equal(problemIn((await ask(gateway, 'BROKEN')).body).type, 'about:blank');
  const html = await ask(gateway, 'GET / HTTP/1.1', 'Host: nobody.peers.test', 'Accept: text/html');
  assert.match(html.body, /Code <code>lease_not_found<\/code>/);
  // Every path of such a host belongs to the app.
  assert.match((await ask(gateway, `GET ${page} HTTP/1.1`, 'Host: app.peers.test')).body, /app \/\.well-known/);
  const byPath = await ask(gateway, 'GET /peer/nobody/ HTTP/1.1', 'Host: gw.test');
  assert.equal(problemIn(byPath.body).type, `${page}#lease_not_found`);
  assert.equal((await ask(gateway, `GET ${page} HTTP/1.1`, 'Host: peers.test')).status, 200);
});

test('below a path that a trusted proxy removes, the type includes that path', async (t) => {
  const gateway = await startPlainGateway(t, () => undefined, { policy: { trustedProxies: ['127.0.0.1'] } });
  const prefix = 'X-Forwarded-Prefix: /outer';
  const { body } = await ask(gateway, 'GET /peer/nobody/ HTTP/1.1', 'Host: gw.test', prefix);
  assert.equal(problemIn(body).type, `/outer${page}#lease_not_found`);
  const html = await ask(gateway, 'GET /peer/nobody/ HTTP/1.1', 'Host: gw.test', prefix, 'Accept: text/html');
  assert.ok(html.body.includes(`<a href="/outer${page}#lease_not_found"><code>`));
});

test('plain HTTP on the TLS port', async (t) => {
  const { port } = await startSecureGateway(t, () => undefined, { policy: { publicUrl: 'https://gw.test' } });
  const socket = connect({ port, host: '127.0.0.1' });
  t.after(() => socket.destroy());
  socket.write('GET / HTTP/1.1\r\n\r\n');
  assert.equal(problemIn(await text(socket)).type, `https://gw.test${page}#invalid_request`);
});

const prefixes = [
  { prefix: '/peer/app', type: `${page}#app_unreachable` },
  { prefix: '/outer/peer/my%20app', type: `/outer${page}#app_unreachable` },
  // At the host of a lease, and from clients other than the gateway.
  { prefix: undefined, type: 'about:blank' },
  { prefix: '/outer', type: 'about:blank' },
  { prefix: '//evil.test/peer/app', type: 'about:blank' },
  { prefix: '/peer/app/x', type: 'about:blank' },
] as const;

for (const { prefix, type } of prefixes) {
  test(`expose links to the page of the gateway by the prefix: ${prefix ?? 'none'}`, async (t) => {
    const app = await exposeApp(t, (request) => request.socket.destroy());
    const field = prefix === undefined ? '' : `X-Forwarded-Prefix: ${prefix}\r\n`;
    const problem = problemIn(await responseTo(app, `GET / HTTP/1.1\r\nHost: x\r\n${field}Connection: close\r\n\r\n`));
    const title = type === 'about:blank' ? 'Bad Gateway' : 'App unreachable';
    assert.deepEqual([problem.type, problem.title, problem.code], [type, title, 'app_unreachable']);
  });
}

test('the page lists every code once, as text, with the headers of all gateway pages', async (t) => {
  const gateway = await startPlainGateway(t, () => undefined, { listener: { admin: { port: 0 } } });
  const { body, values, head } = await ask(gateway, `GET ${page}?x HTTP/1.1`, 'Host: gw.test');
  const ids = [...body.matchAll(/ id="([^"]*)"/g)].map(([, id]) => id);
  assert.deepEqual(ids.toSorted(), Object.keys(errorTable).toSorted());
  assert.deepEqual(values('content-type'), ['text/html; charset=utf-8']);
  for (const [name, value] of [
    ['x-content-type-options', /nosniff/],
    ['x-frame-options', /DENY/],
    ['cache-control', /no-store/],
    ['content-security-policy', /^default-src 'none'; style-src 'sha256-[^']+';/],
  ] as const) {
    assert.match(values(name).join(), value);
  }
  // No Markdown or placeholder of the table remains that a browser would render as anything but
  // text.
  const content = body
    .slice(body.indexOf('<main>'))
    .replaceAll(/<\/?(?:code|small|section|main|html|p|h[12])\b[^<>]*>/g, '');
  assert.doesNotMatch(content, /[<>`]|\]\(/);
  assert.match(content, /&lt;lease&gt;/);
  const asked = await ask(gateway, `HEAD ${page} HTTP/1.1`, 'Host: gw.test');
  assert.equal(asked.body, '');
  assert.deepEqual(asked.values('content-length'), values('content-length'));
  const posted = await ask(gateway, `POST ${page} HTTP/1.1`, 'Host: gw.test');
  assert.deepEqual([posted.status, posted.values('allow')], [405, ['GET, HEAD']]);
  assert.equal(head.startsWith('HTTP/1.1 200 '), true);
  assert.equal((await ask(gateway, `GET ${page}/x HTTP/1.1`, 'Host: gw.test')).status, 404);
});

test('the page needs no credential', async (t) => {
  const { call } = await startPlainGateway(t, () => undefined);
  assert.equal((await call(page, { headers: [] })).status, 200);
});
