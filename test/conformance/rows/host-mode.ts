// Host mode: below gateway.base_domain, here peers.test, the first label names the lease and every
// path belongs to the app.
import { response, app, head, passes, problem, receives, receivesOk, refused } from '../phrases.ts';
import type { Row, Topic } from '../row.ts';

function at(host: string, target = '/', ...headers: readonly string[]): string {
  return head(`GET ${target} HTTP/1.1`, `Host: ${host}`, 'X-API-Key: @key', ...headers);
}

/** The path reaches the app byte for byte. */
function kept(name: string, path: string): Row {
  return {
    ...passes(name, at('@app.peers.test', path), {
      line: `GET ${path}`,
      added: ['Host: @app.peers.test', 'X-Forwarded-Host: @app.peers.test'],
      lacks: ['X-Forwarded-Prefix'],
    }),
    h2: true,
  };
}

const own = [
  'Location: /login?next=/x',
  'Content-Location: /x.html',
  'Set-Cookie: a=1; Path=/; Domain=@app.peers.test; Secure; HttpOnly',
  'Set-Cookie: b=2; Path=/deep',
  'Service-Worker-Allowed: /',
];

export const hostMode: Topic = {
  title: 'host mode',
  rows: [
    kept('the root', '/'),
    kept('a path', '/a%2Fb//c/../d?e=%20'),
    kept('a path that resembles path mode', '/peer/@app/x'),
    kept('/health is the app’s', '/health'),
    kept('/health/live is the app’s', '/health/live'),
    kept('/metrics is the app’s', '/metrics'),
    kept('/ws/… is the app’s', '/ws/@app'),
    kept('/console and the other gateway paths', '/console'),
    kept('a .well-known path', '/.well-known/acme-challenge/x'),
    {
      ...passes('a port in Host is kept', at('@app.peers.test:8443'), {
        line: 'GET /',
        added: ['Host: @app.peers.test:8443', 'X-Forwarded-Host: @app.peers.test:8443'],
      }),
      h2: true,
    },
    {
      ...passes('a host in another case', at('HoSted.PEERS.test', '/x'), {
        line: 'GET /x',
        added: ['Host: HoSted.PEERS.test'],
      }),
      leaseName: 'hosted',
    },
    {
      ...passes('a non-ASCII name, as in DNS', at('xn--mnchen-3ya.peers.test', '/x'), {
        line: 'GET /x',
        added: ['Host: xn--mnchen-3ya.peers.test'],
      }),
      leaseName: 'm\u00fcnchen',
    },
    passes('a trailing dot, as allowed by DNS', at('@app.peers.test.', '/x'), { line: 'GET /x' }),
    passes('the absolute form', at('@app.peers.test', 'http://@app.peers.test/x?y'), {
      line: 'GET /x?y',
      added: ['Host: @app.peers.test'],
    }),
    {
      name: 'the response is not rewritten',
      send: at('@app.peers.test'),
      app: app('GET /', response('302 Found', 'ok', ...own)),
      client: receives({ status: 302, headers: own, body: 'ok' }),
      h2: true,
    },
    {
      name: 'OPTIONS * reaches the app',
      send: head('OPTIONS * HTTP/1.1', 'Host: @app.peers.test', 'X-API-Key: @key'),
      app: app('OPTIONS *', response('200 OK', '', 'Allow: GET, OPTIONS')),
      client: receives({ status: 200, headers: ['Allow: GET, OPTIONS'] }),
    },
    {
      ...passes('host_header of the lease applies here too', at('@app.peers.test'), {
        line: 'GET /',
        added: ['Host: inner.test', 'X-Forwarded-Host: @app.peers.test'],
      }),
      lease: { hostHeader: 'inner.test' },
    },
    {
      name: 'a key is required here too',
      send: head('GET / HTTP/1.1', 'Host: @app.peers.test'),
      client: problem(401, 'missing_credentials'),
      h2: true,
    },
    {
      name: 'an unpublished lease',
      send: at('nobody.peers.test'),
      client: problem(404, 'lease_not_found'),
      h2: true,
    },
    {
      name: 'health of the base domain is served by the gateway',
      send: at('peers.test', '/health/live'),
      client: receives({
        status: 200,
        own: true,
        added: ['Content-Type: application/json', 'Cache-Control: no-store'],
        holds: 'live',
      }),
    },
    passes('path mode on the base domain', at('peers.test', '/peer/@app/x'), {
      line: 'GET /x',
      added: ['X-Forwarded-Prefix: /peer/@app'],
    }),
    { name: 'two labels name no lease', send: at('x.@app.peers.test'), client: problem(421, 'misdirected_request') },
    { name: 'a domain with the same suffix', send: at('@app.evilpeers.test'), client: problem(404, 'not_found') },
    { name: 'a domain with the same prefix', send: at('@app.peers.test.evil.test'), client: problem(404, 'not_found') },
    { name: 'an empty label', send: at('.peers.test'), client: problem(421, 'misdirected_request') },
    {
      name: 'the absolute form with another lease’s Host',
      send: at('other.peers.test', 'http://@app.peers.test/x'),
      client: refused(400, 'invalid_request'),
    },
    {
      name: 'two hosts, one of them the lease’s',
      send: head('GET / HTTP/1.1', 'Host: gw.test', 'Host: @app.peers.test', 'X-API-Key: @key'),
      client: refused(400, 'invalid_request'),
    },
    {
      name: 'X-Forwarded-Host of an untrusted client selects no lease',
      send: head('GET /x HTTP/1.1', 'Host: gw.test', 'X-Forwarded-Host: @app.peers.test', 'X-API-Key: @key'),
      client: problem(404, 'not_found'),
    },
    {
      name: 'an upgrade by host',
      send: [at('@app.peers.test', '/socket', 'Connection: Upgrade', 'Upgrade: foo'), { received: 'bar' }],
      app: app({ line: 'GET /socket', added: ['Upgrade: foo', 'Host: @app.peers.test'] }, [
        `${head('HTTP/1.1 101 Switching', 'Connection: Upgrade', 'Upgrade: foo')}bar`,
      ]),
      client: { responses: [{ status: 101, added: ['Upgrade: foo'], lacks: [] }], then: 'switched', rest: 'bar' },
    },
    {
      name: 'TRACE by host',
      send: head('TRACE / HTTP/1.1', 'Host: @app.peers.test', 'X-API-Key: @key'),
      client: problem(501, 'not_implemented'),
    },
    {
      ...passes('an encoded route is only a path here', at('@app.peers.test', '/%70eer/x'), 'GET /%70eer/x'),
      client: receivesOk,
    },
  ],
};
