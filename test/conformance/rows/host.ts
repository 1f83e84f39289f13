// The Host header (RFC 9112 §3.2): exactly one, well formed, and forwarded to the app as
// X-Forwarded-Host.
import { app, head, invalid, receivesOk } from '../phrases.ts';
import type { Row, Topic } from '../row.ts';

function withHosts(...lines: readonly string[]): string {
  return head('GET /peer/@app/ HTTP/1.1', ...lines, 'X-API-Key: @key');
}

function taken(name: string, host: string): Row {
  return {
    name,
    send: withHosts(`Host: ${host}`),
    app: app({ line: 'GET /', added: ['Host: @app', `X-Forwarded-Host: ${host}`] }),
    client: receivesOk,
    h2: true,
  };
}

export const host: Topic = {
  title: 'Host',
  rows: [
    taken('a name', 'gw.test'),
    taken('a name and a port', 'gw.test:8443'),
    taken('an IPv4 address', '192.0.2.1:80'),
    taken('an IPv6 address', '[2001:db8::1]:8080'),
    taken('an underscore, as in many internal names', 'my_gateway'),
    invalid('none', withHosts()),
    invalid('two', withHosts('Host: gw.test', 'Host: other.test')),
    invalid('two that are equal', withHosts('Host: gw.test', 'Host: gw.test')),
    invalid('two in different case', withHosts('Host: gw.test', 'X-Between: 1', 'hOST: other.test')),
    invalid('a list', withHosts('Host: gw.test, other.test')),
    invalid('a space within', withHosts('Host: gw.test other.test')),
    invalid('a path', withHosts('Host: gw.test/x')),
    invalid('a scheme', withHosts('Host: http://gw.test')),
    invalid('user information', withHosts('Host: user@gw.test')),
    invalid('a query', withHosts('Host: gw.test?x')),
    invalid('a fragment', withHosts('Host: gw.test#x')),
    invalid('a backslash', withHosts('Host: gw.test\\other.test')),
    invalid('a non-numeric port', withHosts('Host: gw.test:http')),
    invalid('two ports', withHosts('Host: gw.test:80:81')),
    invalid('an unclosed bracket', withHosts('Host: [::1')),
    invalid('brackets around no address', withHosts('Host: [gw.test]')),
    invalid('a NUL', withHosts('Host: gw.test\0.other.test')),
    invalid('non-ASCII bytes', withHosts('Host: gw\xc3\xa9.test')),
    invalid('a folded line', withHosts('Host: gw.test\r\n .other.test')),
    invalid('a space before the colon', withHosts('Host : gw.test')),
    invalid('one hidden by a bare LF', withHosts('X: y\nHost: other.test', 'Host: gw.test')),
    invalid(
      'one in the absolute form, but none as a header',
      head('GET http://gw.test/peer/@app/ HTTP/1.1', 'X-API-Key: @key'),
    ),
    {
      name: 'none from an HTTP/1.0 client, which may omit it',
      send: head('GET /peer/@app/ HTTP/1.0', 'X-API-Key: @key'),
      app: app({ line: 'GET /', added: ['Host: @app'], lacks: ['X-Forwarded-Host'] }),
      client: { ...receivesOk, then: 'closed' },
    },
    invalid(
      'two from an HTTP/1.0 client',
      head('GET /peer/@app/ HTTP/1.0', 'Host: a.test', 'Host: b.test', 'X-API-Key: @key'),
    ),
  ],
};
