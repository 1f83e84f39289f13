// Targets in path mode: the lease that they name, and the path below it byte for byte.
import { get, head, passes, problem, receives, refused } from '../phrases.ts';
import type { Row, Topic } from '../row.ts';

/** The path reaches the app unchanged. */
function kept(name: string, path: string): Row {
  return { ...passes(name, get(path), `GET ${path}`), h2: true };
}

/** A request with exactly this target. */
function target(text: string, host = 'gw.test'): string {
  return head(`GET ${text} HTTP/1.1`, `Host: ${host}`, 'X-API-Key: @key');
}

const keptRows: readonly Row[] = [
  kept('an encoded slash', '/a%2Fb%2fc'),
  kept('the case of percent-encoding', '/%C3%A9/%c3%a9'),
  kept('double slashes', '//a///b//'),
  kept('an extra slash after the lease', '//evil.test/x'),
  kept('dot segments', '/a/./b/../c/..'),
  kept('encoded dot segments', '/%2e%2e/%2E/x'),
  kept('a parameter that hides dot segments', '/a/..;/b;c=d'),
  kept('a backslash', '/a\\b'),
  kept('an encoded backslash', '/a%5Cb'),
  kept('encoded CR and LF', '/a%0D%0ax'),
  kept('an encoded space, fragment and question mark', '/a%20b%23c%3Fd'),
  kept('a percent sign that encodes nothing', '/100%/%zz'),
  kept('double encoding', '/%252F%2500'),
  kept('every character allowed in a path', "/-._~!$&'()*+,;=:@"),
  kept('a colon in the first segment', '/a:b@c'),
  kept('a query with all characters that browsers leave unencoded', "/?q={a}|[b]^`\\c&d='e"),
  kept('an empty query', '/a?'),
  kept('a query of question marks and slashes', '/a??b=/c/../d?'),
  kept('a query that looks like a route', '/?/peer/other/'),
  kept('an encoded NUL in the query', '/a?b=%00'),
  kept('a plus sign', '/a+b?c+d'),
  kept('a trailing slash', '/a/'),
  kept('a path that looks like a gateway path', '/health'),
  kept('a path that looks like one of another lease', '/peer/@app/x'),
];

const leaseRows: readonly Row[] = [
  passes('no slash after the lease', target('/peer/@app'), 'GET /'),
  passes('a query right after the lease', target('/peer/@app?a=/b'), 'GET /?a=/b'),
  passes('a lease by its id', target('/peer/@id/x'), { line: 'GET /x', added: ['X-Forwarded-Prefix: /peer/@id'] }),
  {
    ...passes('a lease name in another case', target('/peer/mIXED-name/x'), {
      line: 'GET /x',
      added: ['X-Forwarded-Prefix: /peer/mIXED-name', 'Host: Mixed-Name'],
    }),
    leaseName: 'Mixed-Name',
  },
  {
    ...passes('a lease name in UTF-8, percent-encoded', target('/peer/caf%C3%A9/x'), {
      line: 'GET /x',
      added: ['Host: xn--caf-dma', 'X-Forwarded-Prefix: /peer/caf%C3%A9'],
    }),
    leaseName: 'caf\u00e9',
  },
  {
    ...passes('a lease name in another normal form', target('/peer/re%CC%81sume/x'), {
      line: 'GET /x',
      added: ['Host: xn--rsume-bsa'],
    }),
    leaseName: 'r\u00e9sume',
  },
  {
    ...passes('a lease name with a space, which is not a host name', target('/peer/my%20app/x'), {
      line: 'GET /x',
      added: ['Host: @id', 'X-Forwarded-Prefix: /peer/my%20app'],
    }),
    leaseName: 'my app',
  },
  {
    ...passes('a lease name with a slash', target('/peer/a%2Fb/x'), { line: 'GET /x', added: ['Host: @id'] }),
    leaseName: 'a/b',
  },
  {
    ...passes('a lease name that is encoded needlessly', target('/peer/%70lain/x'), {
      line: 'GET /x',
      added: ['Host: plain', 'X-Forwarded-Prefix: /peer/%70lain'],
    }),
    leaseName: 'plain',
  },
];

const refusedRows: readonly Row[] = [
  { name: 'an encoded NUL in the path', send: get('/a%00b'), client: refused(400, 'invalid_request'), h2: true },
  { name: 'an encoded NUL in the lease', send: target('/peer/a%00b/'), client: refused(400, 'invalid_request') },
  {
    name: 'an invalid percent-encoding in the lease',
    send: target('/peer/a%zz/'),
    client: problem(400, 'invalid_request'),
  },
  { name: 'invalid UTF-8 in the lease', send: target('/peer/%C3%28/'), client: problem(400, 'invalid_request') },
  { name: 'a lease in an overlong encoding', send: target('/peer/%C0%AF/'), client: problem(400, 'invalid_request') },
  { name: 'a truncated encoding in the lease', send: target('/peer/a%C3'), client: problem(400, 'invalid_request') },
  { name: 'a lease with a line break', send: target('/peer/a%0Ab/'), client: problem(400, 'invalid_request') },
  { name: 'non-ASCII bytes, not encoded', send: get('/caf\xc3\xa9'), client: refused(400, 'invalid_request') },
  { name: 'no lease', send: target('/peer/'), client: problem(400, 'invalid_request') },
  { name: 'an empty lease', send: target('/peer//x'), client: problem(400, 'invalid_request') },
  { name: 'an unpublished lease', send: target('/peer/nobody/'), client: problem(404, 'lease_not_found') },
  { name: 'dot segments instead of a lease', send: target('/peer/../health'), client: problem(404, 'lease_not_found') },
  { name: 'an encoded route', send: target('/%70eer/@app/'), client: problem(404, 'not_found') },
  { name: 'a route in capitals', send: target('/PEER/@app/'), client: problem(404, 'not_found') },
  { name: 'a route after a double slash', send: target('//peer/@app/'), client: problem(404, 'not_found') },
  { name: 'a route after dot segments', send: target('/x/../peer/@app/'), client: problem(404, 'not_found') },
  { name: 'a route without its slash', send: target('/peer'), client: problem(404, 'not_found') },
  { name: 'another path', send: target('/'), client: problem(404, 'not_found') },
];

const forms: readonly Row[] = [
  {
    // RFC 9110 §9.3.7: `OPTIONS *` applies to the gateway as a whole, not to a lease.
    name: 'OPTIONS *',
    send: head('OPTIONS * HTTP/1.1', 'Host: gw.test'),
    client: receives({ status: 204, own: true, added: ['Allow: GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS'] }),
  },
  passes('the absolute form', target('http://gw.test/peer/@app/x?y'), 'GET /x?y'),
  passes('the absolute form with its scheme in capitals', target('HTTP://gw.test/peer/@app/x'), 'GET /x'),
  passes('the absolute form, its host in another case', target('http://GW.test/peer/@app/x'), 'GET /x'),
  {
    name: 'the absolute form without a path',
    send: target('http://gw.test'),
    client: problem(404, 'not_found'),
  },
  {
    // RFC 9112 §3.2.2 gives precedence to the target, but another proxy in front of or behind us
    // may not, so two different hosts are ambiguous.
    name: 'the absolute form with another Host',
    send: target('http://gw.test/peer/@app/x', 'other.test'),
    client: refused(400, 'invalid_request'),
  },
  {
    name: 'the absolute form with another port in Host',
    send: target('http://gw.test:8080/peer/@app/x', 'gw.test:8081'),
    client: refused(400, 'invalid_request'),
  },
  {
    // RFC 9110 §4.2.4.
    name: 'the absolute form with user information',
    send: target('http://user@gw.test/peer/@app/x'),
    client: refused(400, 'invalid_request'),
  },
  {
    name: 'the absolute form without a host',
    send: target('http:///peer/@app/x'),
    client: refused(400, 'invalid_request'),
  },
  {
    name: 'the authority form without CONNECT',
    send: target('gw.test:80'),
    client: refused(400, 'invalid_request'),
  },
  { name: 'the asterisk form without OPTIONS', send: target('*'), client: refused(400, 'invalid_request') },
  { name: 'a target without its slash', send: target('peer/@app/'), client: refused(400, 'invalid_request') },
  {
    name: 'health by the absolute form',
    send: target('http://gw.test/health/live'),
    client: receives({
      status: 200,
      own: true,
      added: ['Content-Type: application/json', 'Cache-Control: no-store'],
      holds: 'live',
    }),
  },
];

export const targets: Topic = { title: 'target', rows: [...keptRows, ...leaseRows, ...refusedRows, ...forms] };
