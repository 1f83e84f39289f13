// Header fields (RFC 9112 §5, RFC 9110 §5.5): forwarded unchanged, or rejected where two parsers
// could read them differently.
import { app, get, head, invalid, passes, receives, receivesOk, refused } from '../phrases.ts';
import type { Row, Topic } from '../row.ts';

function kept(name: string, ...lines: readonly string[]): Row {
  return passes(name, get('/', ...lines), { line: 'GET /', headers: lines });
}

/** An invalid header line between two valid ones. */
function badLine(name: string, line: string): Row {
  return invalid(name, get('/', 'X-Before: 1', line, 'X-After: 2'));
}

const many = Array.from({ length: 100 }, (_, i) => `X-Header-${i}: ${i}`);

export const headerSyntax: Topic = {
  title: 'header syntax',
  rows: [
    kept('order, case and repetition are kept', 'X-b: 1', 'x-A: 2', 'X-B: 3', 'x-a: 4', 'x-A: 2'),
    kept('an empty value', 'X-Empty: '),
    kept('spaces and tabs within a value', 'X-Spaced: a  b \t c'),
    kept('every character allowed in a name', "!#$%&'*+-.^_`|~09AZaz: v"),
    kept('every character allowed in a value', 'X-V: !"#$%&\'()*+,-./09:;<=>?@AZ[\\]^_`az{|}~'),
    kept('non-ASCII bytes', 'X-Latin: \xe9\xff\x80', 'X-Utf8: \xc3\xa9'),
    kept('a hundred headers', ...many),
    kept('a header of 16 KiB', `X-Long: ${'v'.repeat(16_384)}`),
    kept('underscores in a name', 'X_Custom: 1', 'x-custom: 2'),
    kept('several cookies', 'Cookie: a=1; b=2', 'Cookie: c=3'),
    kept(
      'fields that affect the response of an app',
      'Accept: */*',
      'If-None-Match: "x"',
      'Range: bytes=0-1',
      'User-Agent: t/1',
      'Origin: null',
    ),
    kept('a date and a referer', 'If-Modified-Since: Sat, 29 Oct 1994 19:43:31 GMT', 'Referer: http://gw.test/a#b'),
    kept('names of Object.prototype members', '__proto__: 1', 'constructor: 2', 'hasOwnProperty: 3'),
    {
      ...passes('white space around a value', get('/', 'X-A:   v \t', 'X-B:v', 'X-C:\tv'), {
        line: 'GET /',
        headers: ['X-A: v', 'X-B: v', 'X-C: v'],
      }),
    },
    badLine('a space before the colon', 'X-Name : v'),
    badLine('a tab before the colon', 'X-Name\t: v'),
    badLine('a space within the name', 'X Name: v'),
    badLine('a space before the name', ' X-Name: v'),
    badLine('a tab before the name', '\tX-Name: v'),
    badLine('a folded line', 'X-Name: v\r\n w'),
    badLine('a line folded with a tab', 'X-Name: v\r\n\tw'),
    badLine('an empty folded line', 'X-Name: v\r\n '),
    badLine('no name', ': v'),
    badLine('no colon', 'X-Name'),
    badLine('a name with a delimiter', 'X(Name): v'),
    badLine('a name with a slash', 'X/Name: v'),
    badLine('a name with a quote', 'X"Name: v'),
    badLine('a name with a brace', 'X{Name}: v'),
    badLine('a name with an at sign', 'X@Name: v'),
    badLine('a name with a NUL', 'X\0Name: v'),
    badLine('a name with a control character', 'X\x01Name: v'),
    badLine('a name with DEL', 'X\x7fName: v'),
    badLine('a non-ASCII name', 'X-N\xe4me: v'),
    badLine('a name in UTF-8', 'X-N\xc3\xa4me: v'),
    badLine('a bare LF within a value', 'X-Name: v\nX-Hidden: w'),
    badLine('a bare CR within a value', 'X-Name: v\rX-Hidden: w'),
    badLine('two CR before the LF', 'X-Name: v\r'),
    badLine('a NUL within a value', 'X-Name: v\0w'),
    badLine('a control character within a value', 'X-Name: v\x01w'),
    badLine('DEL within a value', 'X-Name: v\x7fw'),
    badLine('a vertical tab before a value', 'X-Name:\x0bv'),
    badLine('an escape within a value', 'X-Name: \x1b[0m'),
    invalid(
      'white space between the request line and the headers',
      'GET /peer/@app/ HTTP/1.1\r\n Host: gw.test\r\nX-API-Key: @key\r\n\r\n',
    ),
    invalid(
      'a line of one space between request line and headers',
      'GET /peer/@app/ HTTP/1.1\r\n \r\nHost: gw.test\r\nX-API-Key: @key\r\n\r\n',
    ),
    invalid('a head that ends with bare LFs', 'GET /peer/@app/ HTTP/1.1\r\nHost: gw.test\r\nX-API-Key: @key\n\n'),
    invalid('a head that ends with a bare LF', 'GET /peer/@app/ HTTP/1.1\r\nHost: gw.test\r\nX-API-Key: @key\r\n\n'),
    {
      name: 'headers over the size limit',
      send: get('/', ...Array.from({ length: 40 }, (_, i) => `X-${i}: ${'v'.repeat(1_000)}`)),
      client: refused(431, 'headers_too_large'),
    },
    {
      name: 'one header over the size limit of all',
      send: get('/', `X-Long: ${'v'.repeat(40_000)}`),
      client: refused(431, 'headers_too_large'),
    },
    {
      name: 'a head in many pieces',
      send: [get('/', 'X-A: 1').slice(0, 30), get('/', 'X-A: 1').slice(30, 31), get('/', 'X-A: 1').slice(31)],
      app: app({ line: 'GET /', headers: ['X-A: 1'] }),
      client: receivesOk,
    },
    {
      name: 'health needs no key and shows none',
      send: head('GET /health/live HTTP/1.1', 'Host: gw.test'),
      client: receives({
        status: 200,
        own: true,
        added: ['Content-Type: application/json', 'Cache-Control: no-store'],
        holds: 'live',
        lacks: ['Server', 'X-Powered-By'],
      }),
    },
  ],
};
