// The request line (RFC 9112 §3): valid forms, and every form that two parsers could split
// differently.
import { app, get, head, invalid, passes, receives, receivesOk, refused, request } from '../phrases.ts';
import type { Row, Topic } from '../row.ts';

/** A request that can be wrong only in its request line. */
function line(text: string): string {
  return head(text, 'Host: gw.test', 'X-API-Key: @key');
}

const refusedLines: readonly Row[] = [
  invalid('a tab instead of the first space', line('GET\t/peer/@app/ HTTP/1.1')),
  invalid('a tab instead of the second space', line('GET /peer/@app/\tHTTP/1.1')),
  invalid('a space after the version', line('GET /peer/@app/ HTTP/1.1 ')),
  invalid('a space before the method', line(' GET /peer/@app/ HTTP/1.1')),
  invalid('a space within the target', line('GET /peer/@app/a b HTTP/1.1')),
  invalid('a space and a version within the target', line('GET /peer/@app/ HTTP/1.1 HTTP/1.1')),
  invalid('a vertical tab within the target', line('GET /peer/@app/a\x0bb HTTP/1.1')),
  invalid('a form feed before the version', line('GET /peer/@app/\x0cHTTP/1.1')),
  invalid('a bare CR within the target', line('GET /peer/@app/a\rb HTTP/1.1')),
  invalid('NUL within the target', line('GET /peer/@app/a\0b HTTP/1.1')),
  invalid('a control character within the target', line('GET /peer/@app/a\x01b HTTP/1.1')),
  invalid('DEL within the target', line('GET /peer/@app/a\x7fb HTTP/1.1')),
  invalid('a fragment', line('GET /peer/@app/a#b HTTP/1.1')),
  invalid('a fragment in the query', line('GET /peer/@app/a?b#c HTTP/1.1')),
  invalid('no target', line('GET HTTP/1.1')),
  invalid('no version, as in HTTP/0.9', line('GET /peer/@app/')),
  invalid('a version in lower case', line('GET /peer/@app/ http/1.1')),
  invalid('a version with a letter', line('GET /peer/@app/ HTTP/1.x')),
  invalid('a version with too many digits', line('GET /peer/@app/ HTTP/1.10')),
  invalid('a version with a sign', line('GET /peer/@app/ HTTP/+1.1')),
  invalid('a version without a dot', line('GET /peer/@app/ HTTP/11')),
  invalid('HTTP/2 named without speaking it', line('GET /peer/@app/ HTTP/2.0')),
  {
    // An empty SETTINGS frame and a GOAWAY of 47 bytes with the error HTTP_1_1_REQUIRED (RFC 9113
    // §6.8, §7).
    name: 'the preface of HTTP/2',
    send: 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
    client: {
      responses: [],
      then: 'closed',
      rest: `\0\0\0\x04\0\0\0\0\0\0\0\x2f\x07\0\0\0\0\0\0\0\0\0\0\0\0\x0dthis server speaks HTTP/2 over TLS only`,
    },
  },
  invalid('another protocol', line('GET /peer/@app/ ICE/1.0')),
  invalid('a method with a delimiter', line('GE(T /peer/@app/ HTTP/1.1')),
  invalid('a method with a colon', line('GET: /peer/@app/ HTTP/1.1')),
  invalid('a method with a NUL', line('G\0T /peer/@app/ HTTP/1.1')),
  invalid('a TLS hello', '\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03'),
  invalid('a bare LF after the request line', 'GET /peer/@app/ HTTP/1.1\nHost: gw.test\r\nX-API-Key: @key\r\n\r\n'),
  invalid('a bare CR after the request line', 'GET /peer/@app/ HTTP/1.1\rHost: gw.test\r\nX-API-Key: @key\r\n\r\n'),
  invalid('bare LF everywhere', 'GET /peer/@app/ HTTP/1.1\nHost: gw.test\nX-API-Key: @key\n\n'),
];

const forwardedMethods: readonly Row[] = [
  'GET',
  'DELETE',
  'PATCH',
  'PUT',
  'OPTIONS',
  'PROPFIND',
  'REPORT',
  'QUERY',
].map((method): Row => ({ ...passes(`the method ${method}`, request(method, '/m'), `${method} /m`), h2: true }));

const others: readonly Row[] = [
  // RFC 9112 §3 lets a recipient accept any whitespace as one space. The gateway writes the line
  // again, so no recipient behind it can read the line differently.
  passes('two spaces before the target count as one', line('GET  /peer/@app/x HTTP/1.1'), 'GET /x'),
  passes('two spaces before the version count as one', line('GET /peer/@app/x  HTTP/1.1'), 'GET /x'),
  passes('an empty line before the request', `\r\n${get('/x')}`, 'GET /x'),
  {
    name: 'a method in lower case is an unknown method',
    send: line('get /peer/@app/ HTTP/1.1'),
    client: refused(501, 'not_implemented'),
  },
  {
    name: 'an unknown method',
    send: line('FROBNICATE /peer/@app/ HTTP/1.1'),
    client: refused(501, 'not_implemented'),
  },
  {
    name: 'a target of 8 KiB',
    send: get(`/${'x'.repeat(8_192)}`),
    app: app(`GET /${'x'.repeat(8_192)}`),
    client: receivesOk,
    h2: true,
  },
  {
    name: 'a target over the size limit of headers',
    send: get(`/${'x'.repeat(40_000)}`),
    client: refused(414, 'uri_too_long'),
  },
  {
    name: 'a request line that arrives byte by byte',
    send: [{ bytewise: get('/slow') }],
    app: app('GET /slow'),
    client: receivesOk,
  },
  {
    name: 'TRACE',
    send: request('TRACE', '/'),
    client: receives({ status: 501, problem: 'not_implemented' }),
    h2: true,
  },
  {
    name: 'CONNECT',
    send: head('CONNECT gw.test:443 HTTP/1.1', 'Host: gw.test:443', 'X-API-Key: @key'),
    client: refused(501, 'not_implemented'),
  },
  {
    name: 'CONNECT to a path',
    send: head('CONNECT /peer/@app/ HTTP/1.1', 'Host: gw.test', 'X-API-Key: @key'),
    client: refused(501, 'not_implemented'),
  },
];

export const requestLine: Topic = { title: 'request line', rows: [...refusedLines, ...forwardedMethods, ...others] };
