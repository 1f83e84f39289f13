// Invalid response heads: the client gets 502 bad_upstream_response, the tunnel is not reused, and
// nothing leaks into the response to the follow-up request that is sent after every row.
import { response, app, chunk, get, head, lastChunk, problem, receives, request } from '../phrases.ts';
import { end, wholeRequest, type Row, type Topic } from '../row.ts';

/** The app's bytes are not a valid response. */
function bad(name: string, bytes: string, send: string = get()): Row {
  return {
    name,
    send,
    app: app(`${send.split(' ')[0] ?? 'GET'} /`, bytes, { tunnel: 'closed' }),
    client: problem(502, 'bad_upstream_response'),
    h2: true,
  };
}

const body = `${chunk('leaked')}${lastChunk}`;
function framed(name: string, ...lines: readonly string[]): Row {
  return bad(name, head('HTTP/1.1 200 OK', ...lines) + body);
}

function withLine(name: string, line: string): Row {
  return bad(name, head('HTTP/1.1 200 OK', 'X-Before: 1', line, 'X-After: 1', 'Content-Length: 6') + 'leaked');
}

const statusLines: readonly Row[] = [
  bad('non-HTTP bytes', 'SSH-2.0-leaked\r\n\r\n'),
  bad('a page without a head, as in HTTP/0.9', '<html>leaked</html>\r\n\r\n'),
  bad('another protocol in the status line', head('ICY 200 OK', 'Content-Length: 6') + 'leaked'),
  bad('an unknown version', head('HTTP/9.9 200 OK', 'Content-Length: 6') + 'leaked'),
  bad('HTTP/2 named without speaking it', head('HTTP/2 200 OK', 'Content-Length: 6') + 'leaked'),
  bad('a version in lower case', head('http/1.1 200 OK', 'Content-Length: 6') + 'leaked'),
  bad('a status of two digits', head('HTTP/1.1 20 OK', 'Content-Length: 6') + 'leaked'),
  bad('a status of four digits', head('HTTP/1.1 2000 OK', 'Content-Length: 6') + 'leaked'),
  bad('a non-numeric status', head('HTTP/1.1 OK', 'Content-Length: 6') + 'leaked'),
  bad('a status below 100', head('HTTP/1.1 099 Low', 'Content-Length: 6') + 'leaked'),
  bad('a status of zero', head('HTTP/1.1 000 Zero', 'Content-Length: 6') + 'leaked'),
  bad('a status above 599', head('HTTP/1.1 600 High', 'Content-Length: 6') + 'leaked'),
  bad('a negative status', head('HTTP/1.1 -200 OK', 'Content-Length: 6') + 'leaked'),
  bad('a space before the status line', head(' HTTP/1.1 200 OK', 'Content-Length: 6') + 'leaked'),
  bad('two spaces before the status', head('HTTP/1.1  200 OK', 'Content-Length: 6') + 'leaked'),
  bad('a reason with a NUL', head('HTTP/1.1 200 O\0K', 'Content-Length: 6') + 'leaked'),
  bad('a reason with a bare CR', head('HTTP/1.1 200 O\rK', 'Content-Length: 6') + 'leaked'),
  bad('a bare LF after the status line', 'HTTP/1.1 200 OK\nContent-Length: 6\r\n\r\nleaked'),
  bad('bare LF everywhere', 'HTTP/1.1 200 OK\nContent-Length: 6\n\nleaked'),
  bad('non-ASCII bytes instead of HTTP', '\x16\x03\x01\x02\x00leaked\r\n\r\n'),
  bad('the request itself, echoed', head('GET / HTTP/1.1', 'Host: leaked')),
];

const headerLines: readonly Row[] = [
  withLine('a space before the colon', 'X-Name : v'),
  withLine('a space within a name', 'X Name: v'),
  withLine('a folded line', 'X-Name: v\r\n w'),
  withLine('a line folded with a tab', 'X-Name: v\r\n\tw'),
  withLine('no colon', 'X-Name'),
  withLine('no name', ': v'),
  withLine('a name with a delimiter', 'X(Name): v'),
  withLine('a non-ASCII name', 'X-N\xe4me: v'),
  withLine('a name with a NUL', 'X\0Name: v'),
  withLine('a NUL within a value', 'X-Name: v\0w'),
  withLine('a bare CR within a value', 'X-Name: v\rSet-Cookie: leaked=1'),
  withLine('a bare LF within a value', 'X-Name: v\nSet-Cookie: leaked=1'),
  withLine('a control character within a value', 'X-Name: v\x01w'),
  bad('white space between status line and headers', 'HTTP/1.1 200 OK\r\n X: y\r\nContent-Length: 6\r\n\r\nleaked'),
  bad('a head that ends with bare LFs', 'HTTP/1.1 200 OK\r\nContent-Length: 6\n\nleaked'),
  bad(
    'headers larger than 64 KiB',
    head(
      'HTTP/1.1 200 OK',
      ...Array.from({ length: 70 }, (_, i) => `X-${i}: ${'v'.repeat(1_000)}`),
      'Content-Length: 0',
    ),
  ),
];

const framings: readonly Row[] = [
  framed('a length and chunks', 'Content-Length: 6', 'Transfer-Encoding: chunked'),
  framed('chunks and a length', 'Transfer-Encoding: chunked', 'Content-Length: 6'),
  framed('two lengths that differ', 'Content-Length: 6', 'Content-Length: 7'),
  framed('a list of lengths', 'Content-Length: 6, 7'),
  framed('a negative length', 'Content-Length: -6'),
  framed('a length with a sign', 'Content-Length: +6'),
  framed('a length in hexadecimal', 'Content-Length: 0x6'),
  framed('an empty length', 'Content-Length: '),
  framed('a length of letters', 'Content-Length: six'),
  framed('a length of 2^64 + 6', 'Content-Length: 18446744073709551622'),
  framed('a length with a space before the colon', 'Content-Length : 6'),
  framed('an unknown coding', 'Transfer-Encoding: gzip, chunked'),
  framed('only gzip', 'Transfer-Encoding: gzip'),
  framed('identity', 'Transfer-Encoding: identity'),
  framed('a coding that resembles chunked', 'Transfer-Encoding: xchunked'),
  framed('chunks twice', 'Transfer-Encoding: chunked, chunked'),
  framed('chunks in two fields', 'Transfer-Encoding: chunked', 'Transfer-Encoding: chunked'),
  framed('chunks that are not the last coding', 'Transfer-Encoding: chunked, gzip'),
  framed('an empty coding', 'Transfer-Encoding: '),
  framed('a quoted coding', 'Transfer-Encoding: "chunked"'),
  framed('a coding with a vertical tab', 'Transfer-Encoding: \x0bchunked'),
  framed('a coding with a space before the colon', 'Transfer-Encoding : chunked'),
  framed('a coding on a folded line', 'Transfer-Encoding:\r\n chunked'),
  bad('chunks from an app that speaks HTTP/1.0', head('HTTP/1.0 200 OK', 'Transfer-Encoding: chunked') + body),
];

const switching: readonly Row[] = [
  bad('101 unasked', `${head('HTTP/1.1 101 Switching Protocols', 'Connection: Upgrade', 'Upgrade: foo')}leaked`),
  bad(
    'an unrequested 101, then a response',
    head('HTTP/1.1 101 Switching Protocols', 'Connection: Upgrade', 'Upgrade: foo') + response('200 OK', 'leaked'),
  ),
  bad(
    '101 unasked, to an upload',
    head('HTTP/1.1 101 Switching Protocols', 'Connection: Upgrade', 'Upgrade: foo'),
    request('POST', '/', 'Content-Length: 0'),
  ),
  {
    name: 'the app closes within its status line',
    send: get(),
    app: app('GET /', [wholeRequest, 'HTTP/1.1 200 lea', end], { tunnel: 'closed' }),
    client: problem(502, 'tunnel_failed'),
    h2: true,
  },
  {
    name: 'the app closes within its headers',
    send: get(),
    app: app('GET /', [wholeRequest, 'HTTP/1.1 200 OK\r\nX-App: leaked\r\n', end], { tunnel: 'closed' }),
    client: problem(502, 'tunnel_failed'),
    h2: true,
  },
  {
    name: 'the app closes after an interim response',
    send: get(),
    app: app('GET /', [wholeRequest, head('HTTP/1.1 103 Early Hints', 'X-Hint: 1'), end], { tunnel: 'closed' }),
    client: {
      responses: [
        { status: 103, headers: ['X-Hint: 1'] },
        { status: 502, problem: 'tunnel_failed' },
      ],
      then: 'open',
    },
  },
];

/** Two equal Content-Length values: RFC 9112 §6.3 lets a recipient treat them as one. */
const lenient: Row = {
  name: 'two equal lengths count as one, or are rejected',
  send: get(),
  app: app('GET /', head('HTTP/1.1 200 OK', 'Content-Length: 6', 'Content-Length: 6') + 'leaked', { tunnel: 'closed' }),
  client: receives({ status: 502, problem: 'bad_upstream_response' }),
};

export const upstreamHeads: Topic = {
  title: 'invalid response, head',
  rows: [...statusLines, ...headerLines, ...framings, ...switching, lenient],
};
