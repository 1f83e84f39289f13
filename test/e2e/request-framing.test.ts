import assert from 'node:assert/strict';
import type { IncomingMessage } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { test } from 'node:test';
import { requestRefused, type RequestRefused } from '../../src/kernel/events.ts';
import { key, startPlainGateway } from '../helpers/plain-gateway.ts';

const auth = `X-API-Key: ${key}\r\n`;
const host = `Host: x\r\n${auth}`;
const line = 'GET /peer/app/ HTTP/1.1\r\n';
const post = `POST /peer/app/ HTTP/1.1\r\n${host}`;
const chunked = `${post}Transfer-Encoding: chunked\r\n\r\n`;
const codes: Readonly<Record<number, string>> = {
  400: 'invalid_request',
  413: 'body_too_large',
  414: 'uri_too_long',
  417: 'expectation_failed',
  431: 'headers_too_large',
  501: 'not_implemented',
};

/** Heads that are rejected and never reach the app. */
const refusedHeads: readonly [what: string, bytes: string, status: number][] = [
  ['bare line feeds', `GET /peer/app/ HTTP/1.1\nHost: x\n${auth.replace('\r', '')}\n`, 400],
  ['a bare line feed after the request line', `GET /peer/app/ HTTP/1.1\n${host}\r\n`, 400],
  ['a bare line feed after a field', `${line}Host: x\n${auth}\r\n`, 400],
  ['a bare line feed after the head', `${line}${host}\n`, 400],
  ['a bare carriage return between fields', `${line}Host: x\r${auth}\r\n`, 400],
  ['a carriage return within a value', `${line}${host}A: b\rc\r\n\r\n`, 400],
  ['two carriage returns', `${line}${host}A: b\r\r\n\r\n`, 400],
  ['a folded field', `${line}${host}A: b\r\n c\r\n\r\n`, 400],
  ['a field folded with a tab', `${line}${host}A: b\r\n\tc\r\n\r\n`, 400],
  ['a first field that begins with a space', `${line} A: b\r\n${host}\r\n`, 400],
  ['a line of spaces', `${line}${host} \r\n\r\n`, 400],
  ['a space before the colon', `${line}${host}A : b\r\n\r\n`, 400],
  ['a tab before the colon', `${line}${host}A\t: b\r\n\r\n`, 400],
  ['a space before the colon of the length', `${post}Content-Length : 3\r\n\r\nabc`, 400],
  ['a space before the colon of the coding', `${post}Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n`, 400],
  ['a line without a colon', `${line}${host}Abc\r\n\r\n`, 400],
  ['a field without a name', `${line}${host}: b\r\n\r\n`, 400],
  ...Array.from('()<>@,;\\"/[]?={} \x01\x7f\xe9\0').map((byte): [string, string, number] => [
    `a field name with ${JSON.stringify(byte)}`,
    `${line}${host}A${byte}b: c\r\n\r\n`,
    400,
  ]),
  ...Array.from('\0\x01\x08\x0b\x0c\x1f\x7f').map((byte): [string, string, number] => [
    `a field value with ${JSON.stringify(byte)}`,
    `${line}${host}A: b${byte}c\r\n\r\n`,
    400,
  ]),

  ['a space in the target', `GET /peer/app/a b HTTP/1.1\r\n${host}\r\n`, 400],
  ['a tab in the target', `GET /peer/app/a\tb HTTP/1.1\r\n${host}\r\n`, 400],
  ['a tab as a separator', `GET\t/peer/app/ HTTP/1.1\r\n${host}\r\n`, 400],
  ['a space after the version', `GET /peer/app/ HTTP/1.1 \r\n${host}\r\n`, 400],
  ['a space before the method', ` ${line}${host}\r\n`, 400],
  ['a fragment', `GET /peer/app/a#b HTTP/1.1\r\n${host}\r\n`, 400],
  ['a fragment in the query', `GET /peer/app/?a#b HTTP/1.1\r\n${host}\r\n`, 400],
  ['an encoded NUL in the path', `GET /peer/app/a%00b HTTP/1.1\r\n${host}\r\n`, 400],
  ['non-ASCII bytes in the target', `GET /peer/app/\xc3\xa9 HTTP/1.1\r\n${host}\r\n`, 400],
  ['a control byte in the target', `GET /peer/app/\x01 HTTP/1.1\r\n${host}\r\n`, 400],
  ['a relative target', `GET peer/app/ HTTP/1.1\r\n${host}\r\n`, 400],
  ['a target that is a query', `GET ?a HTTP/1.1\r\n${host}\r\n`, 400],
  ['a target that is an authority', `GET x:80 HTTP/1.1\r\n${host}\r\n`, 400],
  ['* with GET', `GET * HTTP/1.1\r\n${host}\r\n`, 400],
  ['another scheme', `GET ftp://x/peer/app/ HTTP/1.1\r\n${host}\r\n`, 400],
  ['a user in the absolute form', `GET http://u:p@x/peer/app/ HTTP/1.1\r\n${host}\r\n`, 400],
  ['no host in the absolute form', `GET http:///peer/app/ HTTP/1.1\r\n${host}\r\n`, 400],
  ['an invalid port', `GET http://x:99999/peer/app/ HTTP/1.1\r\n${host}\r\n`, 400],
  ['an absolute form with another Host', `GET http://y/peer/app/ HTTP/1.1\r\n${host}\r\n`, 400],
  ['a fragment in the absolute form', `GET http://x/peer/app/#a HTTP/1.1\r\n${host}\r\n`, 400],
  ['a long target', `GET /peer/app/${'a'.repeat(17_000)} HTTP/1.1\r\n${host}\r\n`, 414],
  ['a target longer than the limit for heads', `GET /peer/app/${'a'.repeat(40_000)} HTTP/1.1\r\n${host}\r\n`, 414],

  ['an unknown method', `FOO /peer/app/ HTTP/1.1\r\n${host}\r\n`, 501],
  ['a method in lower case', `get /peer/app/ HTTP/1.1\r\n${host}\r\n`, 501],
  ['a method with an illegal byte', `GE(T /peer/app/ HTTP/1.1\r\n${host}\r\n`, 400],
  ['CONNECT', `CONNECT a:1 HTTP/1.1\r\n${host}\r\n`, 501],
  ['HTTP/0.9', 'GET /peer/app/\r\n\r\n', 400],
  ['HTTP/0.9 with fields', `GET /peer/app/ HTTP/0.9\r\n${host}\r\n`, 400],
  ['HTTP/2.0 in the old form', `GET /peer/app/ HTTP/2.0\r\n${host}\r\n`, 400],
  ['HTTP/1.2', `GET /peer/app/ HTTP/1.2\r\n${host}\r\n`, 400],
  ['HTTP/1.10', `GET /peer/app/ HTTP/1.10\r\n${host}\r\n`, 400],
  ['http/1.1', `GET /peer/app/ http/1.1\r\n${host}\r\n`, 400],
  // The complete preface gets a GOAWAY instead.
  ['most of the preface of HTTP/2', 'PRI * HTTP/2.0\n\nSM\r\n\r\n', 400],
  ['a TLS hello', '\x16\x03\x01\x02\x00\x01\x00', 400],

  ['no Host', `${line}${auth}\r\n`, 400],
  ['two Hosts', `${line}${host}Host: y\r\n\r\n`, 400],
  ['the same Host twice', `${line}${host}Host: x\r\n\r\n`, 400],
  ...['', 'u@x', 'x y', 'x,y', 'x/y', 'x?y', 'x:99999', 'x:8o', '[::1', '[x]', '[::1]y', 'x\\y', 'é', 'x%41'].map(
    (name): [string, string, number] => [
      `the Host ${JSON.stringify(name)}`,
      `${line}${auth}Host: ${name}\r\n\r\n`,
      400,
    ],
  ),

  ['length and coding', `${post}Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`, 400],
  ['coding and length', `${post}Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n`, 400],
  ['two lengths', `${post}Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd`, 400],
  ['the same length twice', `${post}Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc`, 400],
  ...['3, 3', '+3', '-3', '0x3', '3 3', '3.0', '3e0', '', '９', '18446744073709551616', '9007199254740992'].map(
    (length): [string, string, number] => [
      `the length ${JSON.stringify(length)}`,
      `${post}Content-Length: ${length}\r\n\r\nabc`,
      400,
    ],
  ),
  ['a length spelled with _', `${post}Content_Length: 3\r\n\r\n`, 400],
  ['a coding spelled with _', `${post}Transfer_Encoding: chunked\r\n\r\n0\r\n\r\n`, 400],
  ...[
    'identity',
    'chunked, chunked',
    'chunked, gzip',
    ',chunked',
    '',
    '"chunked"',
    'chunked;q=1',
    'identity, chunked',
  ].map((coding): [string, string, number] => [
    `the coding ${JSON.stringify(coding)}`,
    `${post}Transfer-Encoding: ${coding}\r\n\r\n0\r\n\r\n`,
    400,
  ]),
  ...['gzip', 'gzip, chunked', 'xchunked', 'chunkedx', 'deflate'].map((coding): [string, string, number] => [
    `the coding ${JSON.stringify(coding)}`,
    `${post}Transfer-Encoding: ${coding}\r\n\r\n0\r\n\r\n`,
    501,
  ]),
  ['chunked twice', `${post}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`, 400],
  ['chunked, then identity', `${post}Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n`, 400],
  ['a coding with a vertical tab', `${post}Transfer-Encoding: chunked\x0b\r\n\r\n0\r\n\r\n`, 400],
  ['a coding in HTTP/1.0', `POST /peer/app/ HTTP/1.0\r\n${host}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n`, 400],
  ['another expectation', `${post}Expect: miracles\r\nContent-Length: 3\r\n\r\nabc`, 417],
  ['a second expectation', `${post}Expect: 100-continue\r\nExpect: miracles\r\nContent-Length: 3\r\n\r\nabc`, 417],

  ['a head that is too large', `${line}${host}A: ${'b'.repeat(40_000)}\r\n\r\n`, 431],
  ['too many fields', `${line}${host}${'A: b\r\n'.repeat(300)}\r\n`, 431],
];

test('rejects an ambiguous head, closes its connection, and forwards nothing', async (t) => {
  const seen: string[] = [];
  const { raw } = await startPlainGateway(t, (request, response) => {
    seen.push(`${request.method ?? ''} ${request.url ?? ''}`);
    response.end();
  });
  const smuggled = `GET /peer/app/smuggled HTTP/1.1\r\n${host}\r\n`;
  for (const [what, bytes, status] of refusedHeads) {
    const response = (await buffer(raw(bytes + smuggled))).toString();
    assert.match(response, new RegExp(`^HTTP/1\\.1 ${status} `), what);
    assert.match(response, /\r\nConnection: close\r\n/, what);
    assert.match(response, new RegExp(`"code":"${codes[status] ?? ''}"`), what);
    assert.equal(response.split(/^HTTP/m).length, 2, `${what}: one response`);
    assert.deepEqual(seen, [], what);
  }
});

/**
 * Invalid bodies: the app's request never completes, and the bytes after it are not read as a
 * request.
 */
const brokenBodies: readonly [what: string, bytes: string][] = [
  ['no size', '\r\nabc\r\n0\r\n\r\n'],
  ['a size with 0x', '0x3\r\nabc\r\n0\r\n\r\n'],
  ['a size with a sign', '+3\r\nabc\r\n0\r\n\r\n'],
  ['a negative size', '-3\r\nabc\r\n0\r\n\r\n'],
  ['a space before the size', ' 3\r\nabc\r\n0\r\n\r\n'],
  ['a space after the size', '3 \r\nabc\r\n0\r\n\r\n'],
  ['a tab after the size', '3\t\r\nabc\r\n0\r\n\r\n'],
  ['a size beyond 64 bits', '10000000000000003\r\nabc\r\n0\r\n\r\n'],
  ['a bare line feed after the size', '3\nabc\r\n0\r\n\r\n'],
  ['a bare carriage return after the size', '3\rabc\r\n0\r\n\r\n'],
  ['a bare line feed after the data', '3\r\nabc\n0\r\n\r\n'],
  ['a bare line feed after the last size', '3\r\nabc\r\n0\n\r\n'],
  ['a bare line feed at the end', '3\r\nabc\r\n0\r\n\n'],
  ['more data than the size', '2\r\nabc\r\n0\r\n\r\n'],
  ['less data than the size', '4\r\nabc\r\n0\r\n\r\n'],
  ['an extension with a space', '3 ;a\r\nabc\r\n0\r\n\r\n'],
  ['an empty extension', '3;\r\nabc\r\n0\r\n\r\n'],
  ['an extension with a line feed', '3;a\nabc\r\n0\r\n\r\n'],
  ['an extension with a carriage return', '3;a\rb\r\nabc\r\n0\r\n\r\n'],
  ['an extension with NUL', '3;a\0\r\nabc\r\n0\r\n\r\n'],
  ['an endless extension', `3;a=${'b'.repeat(17_000)}\r\nabc\r\n0\r\n\r\n`],
  ['a length after the body', '0\r\nContent-Length: 5\r\n\r\n'],
  ['a coding after the body', '0\r\nTransfer-Encoding: chunked\r\n\r\n'],
  ['a trailer that is not a field', '0\r\nabc\r\n\r\n'],
  ['a folded trailer', '0\r\nA: b\r\n c\r\n\r\n'],
  ['a trailer with a bare line feed', '0\r\nA: b\n\r\n'],
  ['endless trailers', `0\r\n${'A: b\r\n'.repeat(10_000)}\r\n`],
];

test('rejects a malformed body, and the app never sees a complete one', async (t) => {
  let whole = 0;
  const targets = new Set<string>();
  const { raw } = await startPlainGateway(t, (request: IncomingMessage, response) => {
    targets.add(request.url ?? '');
    request.on('end', () => {
      whole += 1;
      response.end();
    });
    request.on('error', () => undefined).resume();
  });
  const smuggled = `GET /peer/app/smuggled HTTP/1.1\r\n${host}\r\n`;
  for (const [what, body] of brokenBodies) {
    const response = (await buffer(raw(chunked + body + smuggled))).toString();
    assert.match(response, /^HTTP\/1\.1 4(?:00|31) [^]*\r\nConnection: close\r\n/, what);
    assert.equal(response.split(/^HTTP/m).length, 2, `${what}: one response`);
    assert.equal(whole, 0, what);
    assert.ok(!targets.has('/smuggled'), what);
  }
});

/** Unusual requests that are unambiguous. */
const accepted: readonly [what: string, bytes: string, seen: string][] = [
  ['empty lines before the request', `\r\n\r\n${line}${host}`, 'GET / '],
  ['absolute form', `GET http://x/peer/app/a?b HTTP/1.1\r\n${host}`, 'GET /a?b '],
  ['absolute form with the default port', `GET HTTP://X:80/peer/app/a HTTP/1.1\r\n${host}`, 'GET /a '],
  [
    'punctuation in the target',
    `GET /peer/app/"<>\\^\`{|}[]%2F%zz//..;/ HTTP/1.1\r\n${host}`,
    'GET /"<>\\^`{|}[]%2F%zz//..;/ ',
  ],
  ['an encoded NUL in the query', `GET /peer/app/?%00 HTTP/1.1\r\n${host}`, 'GET /?%00 '],
  [
    'a target of moderate length',
    `GET /peer/app/${'a'.repeat(16_000)} HTTP/1.1\r\n${host}`,
    `GET /${'a'.repeat(16_000)} `,
  ],
  ['a Host with a port', `${line}Host: x:8080\r\n${auth}`, 'GET / '],
  ['a Host that is an IPv6 address', `${line}Host: [::1]:8080\r\n${auth}`, 'GET / '],
  ['HTTP/1.0 without Host', `GET /peer/app/ HTTP/1.0\r\n${auth}`, 'GET / '],
  ['space around a value', `${line}${host}A: \t b \t \r\n`, 'GET / '],
  ['a length with leading zeros', `${post}Content-Length: 0003\r\n`, 'POST / abc'],
  ['a length with space around', `${post}Content-Length: \t3 \t\r\n`, 'POST / abc'],
  ['a body with GET', `${line}${host}Content-Length: 3\r\n`, 'GET / abc'],
  ['chunked in any case', `${post}transfer-encoding: ChUnKeD\r\n`, 'POST / abc'],
  ['two hundred fields', `${line}${host}${'A: b\r\n'.repeat(197)}`, 'GET / '],
];

test('accepts unambiguous heads', async (t) => {
  const { raw } = await startPlainGateway(t, (request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => response.end(`saw ${request.method ?? ''} ${request.url ?? ''} ${body}.`));
  });
  for (const [what, head, seen] of accepted) {
    const close = head.includes('HTTP/1.0') ? '' : 'Connection: close\r\n';
    const body = head.toLowerCase().includes('chunked') ? '1;ext="a;\\"b"\r\na\r\n2\r\nbc\r\n0\r\n\r\n' : 'abc';
    const framed = /content-length|transfer-encoding/i.test(head);
    const response = (await buffer(raw(`${head}${close}\r\n${framed ? body : ''}`))).toString();
    assert.match(response, /^HTTP\/1\.1 200 /, what);
    assert.ok(response.includes(`saw ${seen}`), `${what}: ${response}`);
  }
});

test('OPTIONS * is a request', async (t) => {
  const { raw } = await startPlainGateway(t, (_, response) => response.end());
  const response = (await buffer(raw(`OPTIONS * HTTP/1.1\r\n${host}Connection: close\r\n\r\n`))).toString();
  assert.match(response, /^HTTP\/1\.1 204 [^]*\r\nAllow: GET, /);
});

test('publishes requests rejected before the pipeline', async (t) => {
  const { raw } = await startPlainGateway(t, (_, response) => response.end());
  const heard: RequestRefused[] = [];
  const listen = (message: unknown): void => {
    heard.push(message as RequestRefused);
  };
  requestRefused.subscribe(listen);
  t.after(() => {
    requestRefused.unsubscribe(listen);
  });
  await buffer(raw('BROKEN\r\n\r\n'));
  await buffer(raw(`GET /peer/app/a?secret HTTP/1.1\r\n${host}Host: y\r\n\r\n`));
  assert.deepEqual(
    heard.map(({ error, clientIp, method, path }) => [error.code, clientIp, method, path]),
    [
      ['invalid_request', '127.0.0.1', undefined, undefined],
      ['invalid_request', '127.0.0.1', 'GET', '/peer/app/a'],
    ],
  );
});
