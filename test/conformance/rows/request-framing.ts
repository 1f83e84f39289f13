// The end of a request (RFC 9112 §6): requests that two parsers could end in different places are
// rejected and the connection is closed. The groups follow the literature on request smuggling.
// `forged` after a rejected head marks the request that would be smuggled in.
import { app, chunk, head, invalid, lastChunk, passes, post, receivesOk, refused, request } from '../phrases.ts';
import type { Row, Topic } from '../row.ts';

const smuggled = head('GET /peer/@app/forged HTTP/1.1', 'Host: gw.test', 'X-API-Key: @key');

/**
 * A head with bad framing, then a body that fits both a length of 5 and chunked coding, then the
 * request to smuggle in.
 */
function bad(name: string, ...framing: readonly string[]): Row {
  return invalid(name, request('POST', '/', ...framing) + lastChunk + smuggled);
}

function unknownCoding(name: string, coding: string): Row {
  return {
    name,
    send: request('POST', '/', `Transfer-Encoding: ${coding}`) + lastChunk + smuggled,
    client: refused(501, 'not_implemented'),
  };
}

function chunkedBy(name: string, line: string): Row {
  return {
    name,
    send: request('POST', '/', line) + chunk('abc') + lastChunk,
    app: app({ line: 'POST /', framing: 'chunked', body: 'abc' }),
    client: receivesOk,
  };
}

const both: readonly Row[] = [
  bad('a length and chunks', 'Content-Length: 5', 'Transfer-Encoding: chunked'),
  bad('chunks and a length', 'Transfer-Encoding: chunked', 'Content-Length: 5'),
  bad('chunks and a length of zero', 'Transfer-Encoding: chunked', 'Content-Length: 0'),
  bad(
    'a length and chunks, named by Connection',
    'Connection: Content-Length',
    'Content-Length: 5',
    'Transfer-Encoding: chunked',
  ),
  bad('a length and an invalid coding', 'Content-Length: 5', 'Transfer-Encoding: identity'),
  bad('a length and an empty coding', 'Content-Length: 5', 'Transfer-Encoding:'),
  bad('a length and an unknown coding', 'Content-Length: 5', 'Transfer-Encoding: xchunked'),
  bad(
    'a length and chunks, far apart',
    'Content-Length: 5',
    ...Array.from({ length: 50 }, (_, i) => `X-${i}: 1`),
    'Transfer-Encoding: chunked',
  ),
];

const codings: readonly Row[] = [
  chunkedBy('chunks', 'Transfer-Encoding: chunked'),
  chunkedBy('chunks in capitals', 'TRANSFER-ENCODING: CHUNKED'),
  chunkedBy('chunks in mixed case', 'tRANSFER-eNCODING: cHUNKED'),
  chunkedBy('chunks without a space', 'Transfer-Encoding:chunked'),
  chunkedBy('chunks after a tab', 'Transfer-Encoding:\tchunked'),
  chunkedBy('chunks between spaces', 'Transfer-Encoding:   chunked  '),
  unknownCoding('gzip', 'gzip'),
  unknownCoding('gzip, then chunks', 'gzip, chunked'),
  unknownCoding('a coding that resembles chunked', 'xchunked'),
  unknownCoding('a coding that begins with chunked', 'chunkedx'),
  unknownCoding('a coding of a single letter', 'x'),
  bad('identity', 'Transfer-Encoding: identity'),
  bad('chunks, then identity', 'Transfer-Encoding: chunked, identity'),
  bad('identity, then chunks', 'Transfer-Encoding: identity, chunked'),
  bad('chunks twice', 'Transfer-Encoding: chunked, chunked'),
  bad('chunks in two fields', 'Transfer-Encoding: chunked', 'Transfer-Encoding: chunked'),
  bad('chunks in one field, identity in another', 'Transfer-Encoding: chunked', 'Transfer-Encoding: identity'),
  bad('identity in one field, chunks in another', 'Transfer-Encoding: identity', 'Transfer-Encoding: chunked'),
  bad('chunks in one field, nothing in another', 'Transfer-Encoding: chunked', 'Transfer-Encoding: '),
  bad('chunks that are not the last coding', 'Transfer-Encoding: chunked, gzip'),
  bad('an empty coding', 'Transfer-Encoding: '),
  bad('a quoted coding', 'Transfer-Encoding: "chunked"'),
  unknownCoding('a coding in single quotes, which are allowed in a token', "'chunked'"),
  bad('a coding with a parameter', 'Transfer-Encoding: chunked;q=1'),
  bad('an empty element before the coding', 'Transfer-Encoding: , chunked'),
  bad('an empty element after the coding', 'Transfer-Encoding: chunked,'),
  bad('a space within the coding', 'Transfer-Encoding: chun ked'),
  bad('two codings without a comma', 'Transfer-Encoding: chunked identity'),
  bad('a vertical tab before the coding', 'Transfer-Encoding: \x0bchunked'),
  bad('a form feed after the coding', 'Transfer-Encoding: chunked\x0c'),
  bad('a NUL after the coding', 'Transfer-Encoding: chunked\0'),
  bad('a non-ASCII byte before the coding', 'Transfer-Encoding: \xa0chunked'),
  bad('a space before the colon', 'Transfer-Encoding : chunked'),
  bad('a tab before the colon', 'Transfer-Encoding\t: chunked'),
  bad('a space before the name', ' Transfer-Encoding: chunked'),
  bad('the coding on a folded line', 'Transfer-Encoding:\r\n chunked'),
  bad('the coding continued on a folded line', 'Transfer-Encoding: chunked\r\n , identity'),
  bad('the coding after a bare LF', 'X: y\nTransfer-Encoding: chunked'),
  bad('the coding after a bare CR', 'X: y\rTransfer-Encoding: chunked'),
  bad('the coding with an underscore in its name', 'Transfer_Encoding: chunked', 'Content-Length: 5'),
  invalid(
    'chunks from an HTTP/1.0 client',
    head('POST /peer/@app/ HTTP/1.0', 'X-API-Key: @key', 'Transfer-Encoding: chunked') + lastChunk + smuggled,
  ),
];

const lengths: readonly Row[] = [
  {
    ...passes('a length', post('hello'), {
      line: 'POST /',
      framing: 'length',
      body: 'hello',
      added: ['Content-Length: 5'],
    }),
    h2: true,
  },
  {
    ...passes('a length of zero', post(''), {
      line: 'POST /',
      framing: 'length',
      body: '',
      added: ['Content-Length: 0'],
    }),
    h2: true,
  },
  {
    ...passes('a body with GET', request('GET', '/', 'Content-Length: 3') + 'abc', {
      line: 'GET /',
      framing: 'length',
      body: 'abc',
    }),
    h2: true,
  },
  {
    ...passes('a body with DELETE', request('DELETE', '/', 'Content-Length: 3') + 'abc', {
      line: 'DELETE /',
      body: 'abc',
    }),
    h2: true,
  },
  passes('no framing means no body', request('POST', '/'), { line: 'POST /', body: '' }),
  passes('every byte value in a body', post('\0\r\n\r\n0\r\n\r\n\xff\x7f'), {
    line: 'POST /',
    body: '\0\r\n\r\n0\r\n\r\n\xff\x7f',
  }),
  bad('two lengths that differ', 'Content-Length: 5', 'Content-Length: 6'),
  bad('two lengths that differ in case of their names', 'Content-Length: 5', 'content-length: 0'),
  bad('two equal lengths', 'Content-Length: 5', 'Content-Length: 5'),
  bad('a list of lengths', 'Content-Length: 5, 6'),
  bad('a list of equal lengths', 'Content-Length: 5, 5'),
  bad('an empty length', 'Content-Length: '),
  bad('a negative length', 'Content-Length: -1'),
  bad('a length with a sign', 'Content-Length: +5'),
  bad('a length in hexadecimal', 'Content-Length: 0x5'),
  bad('a length with a fraction', 'Content-Length: 5.0'),
  bad('a length with an exponent', 'Content-Length: 5e0'),
  bad('a length in quotes', 'Content-Length: "5"'),
  bad('a length with a space within', 'Content-Length: 5 5'),
  bad('a length with letters', 'Content-Length: 5x'),
  bad('a length with a semicolon', 'Content-Length: 5;'),
  bad('a length with an underscore', 'Content-Length: 1_0'),
  bad('a length of 2^64', 'Content-Length: 18446744073709551616'),
  bad('a length of 2^64 + 5', 'Content-Length: 18446744073709551621'),
  bad('a length beyond 2^53', 'Content-Length: 9007199254740993'),
  bad('a length of forty digits', `Content-Length: ${'9'.repeat(40)}`),
  bad('a length with a space before the colon', 'Content-Length : 5'),
  bad('a length on a folded line', 'Content-Length:\r\n 5'),
  bad('a length after a bare LF', 'X: y\nContent-Length: 5'),
  bad('a length with a vertical tab', 'Content-Length: \x0b5'),
  bad('a length with an underscore in its name', 'Content_Length: 5', 'Transfer-Encoding: chunked'),
];

const behind: readonly Row[] = [
  {
    name: 'bytes after a body are a separate request, which needs a key',
    send: post('abc') + head('GET /peer/@app/forged HTTP/1.1', 'Host: gw.test'),
    app: app({ line: 'POST /', body: 'abc' }),
    client: {
      responses: [
        { status: 200, body: 'ok' },
        { status: 401, problem: 'missing_credentials' },
      ],
      then: 'open',
    },
  },
  {
    name: 'a GET without framing has no body: bytes after it are the next request',
    send: request('GET', '/') + head('GET /peer/@app/forged HTTP/1.1', 'Host: gw.test'),
    app: app('GET /'),
    client: {
      responses: [
        { status: 200, body: 'ok' },
        { status: 401, problem: 'missing_credentials' },
      ],
      then: 'open',
    },
  },
  {
    name: 'a body that looks like a request',
    send: post(head('GET /peer/@app/x HTTP/1.1', 'Host: gw.test')),
    app: app({ line: 'POST /', body: head('GET /peer/@app/x HTTP/1.1', 'Host: gw.test') }),
    client: receivesOk,
  },
];

export const requestFraming: Topic = { title: 'request framing', rows: [...both, ...codings, ...lengths, ...behind] };
