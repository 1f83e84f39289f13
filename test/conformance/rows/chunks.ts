// Chunked request bodies and their trailers (RFC 9112 §7): read strictly, re-encoded for the app,
// and never completed when they are malformed.
import { app, chunk, lastChunk, receives, receivesOk, refused, request } from '../phrases.ts';
import { untilClosed, type Row, type Topic } from '../row.ts';

const chunkedHead = request('POST', '/', 'Transfer-Encoding: chunked');

/** The app receives the complete body. */
function whole(name: string, body: string, text: string): Row {
  return {
    name,
    send: chunkedHead + body,
    app: app({ line: 'POST /', framing: 'chunked', body: text }),
    client: receivesOk,
  };
}

/**
 * The head has reached the app when the error is found: the app's request must be aborted, and the
 * client gets 400.
 */
function broken(name: string, body: string): Row {
  return {
    name,
    send: [chunkedHead, { peerReceived: '\r\n\r\n' }, body],
    app: app({ line: 'POST /', whole: false }, [untilClosed], { tunnel: 'closed' }),
    client: refused(400, 'invalid_request'),
  };
}

const wholeRows: readonly Row[] = [
  whole('one chunk', chunk('hello') + lastChunk, 'hello'),
  {
    // Treated as having no body when it arrives together with the head.
    name: 'only the last chunk',
    send: chunkedHead + lastChunk,
    app: app({ line: 'POST /', framing: 'length', body: '' }),
    client: receivesOk,
  },
  whole('three chunks', chunk('a') + chunk('bc') + chunk('def') + lastChunk, 'abcdef'),
  whole('a size in capitals', `A\r\n0123456789\r\n${lastChunk}`, '0123456789'),
  whole('a size in lower case', `a\r\n0123456789\r\n${lastChunk}`, '0123456789'),
  whole('a size with leading zeros', `0003\r\nabc\r\n${lastChunk}`, 'abc'),
  whole('a last chunk of several zeros', `3\r\nabc\r\n000\r\n\r\n`, 'abc'),
  whole('an extension', `3;a=b\r\nabc\r\n${lastChunk}`, 'abc'),
  whole('an extension without a value', `3;a\r\nabc\r\n${lastChunk}`, 'abc'),
  whole('a quoted extension', `3;a="b c"\r\nabc\r\n${lastChunk}`, 'abc'),
  whole('several extensions, one at the last chunk', `3;a=b;c=d\r\nabc\r\n0;e=f\r\n\r\n`, 'abc'),
  whole('data that looks like a last chunk', `7\r\n\r\n0\r\n\r\n\r\n${lastChunk}`, '\r\n0\r\n\r\n'),
  {
    name: 'chunks that arrive byte by byte',
    send: [chunkedHead, { bytewise: chunk('hello') + lastChunk }],
    app: app({ line: 'POST /', body: 'hello' }),
    client: receivesOk,
  },
  {
    name: 'each chunk reaches the app before the next is sent',
    send: [
      chunkedHead + chunk('first'),
      { peerReceived: 'first' },
      chunk('second'),
      { peerReceived: 'second' },
      lastChunk,
    ],
    app: app({ line: 'POST /', framing: 'chunked', body: 'firstsecond' }),
    client: receivesOk,
  },
];

const brokenRows: readonly Row[] = [
  broken('no size', '\r\nabc\r\n'),
  broken('a non-numeric size', 'x\r\nabc\r\n'),
  broken('a size that ends in a letter', '3x\r\nabc\r\n'),
  broken('a negative size', '-3\r\nabc\r\n'),
  broken('a size with a sign', '+3\r\nabc\r\n'),
  broken('a size with a prefix', '0x3\r\nabc\r\n'),
  broken('a size with an underscore', '0_3\r\nabc\r\n'),
  broken('a space before the size', ' 3\r\nabc\r\n'),
  broken('a space after the size', '3 \r\nabc\r\n'),
  broken('a size of 2^64 + 3', '10000000000000003\r\nabc\r\n'),
  broken('a size of forty digits', `${'f'.repeat(40)}\r\nabc\r\n`),
  broken('an extension that holds a bare LF', '3;a\nabc\r\n'),
  broken('an extension that holds a bare CR', '3;a\rb\r\nabc\r\n'),
  broken('an extension that holds a NUL', '3;a\0b\r\nabc\r\n'),
  broken('a size that ends with a bare LF', '3\nabc\r\n'),
  broken('a size that ends with a bare CR', '3\rabc\r\n'),
  broken('data longer than its size', '3\r\nabcd\r\n'),
  broken('data that ends with a bare LF', '3\r\nabc\n0\r\n\r\n'),
  broken('data that ends with a bare CR', '3\r\nabc\r0\r\n\r\n'),
  broken('data that ends with other bytes', '3\r\nabcXX0\r\n\r\n'),
  broken('bare LF everywhere', '3\nabc\n0\n\n'),
  broken('a last chunk that ends with a bare LF', '3\r\nabc\r\n0\n\r\n'),
  broken('an end that is a bare LF', '3\r\nabc\r\n0\r\n\n'),
  broken('endless extensions', `3;${'a'.repeat(40_000)}\r\nabc\r\n`),
  broken('a trailer without a colon', '0\r\nX-Trailer\r\n\r\n'),
  broken('a trailer with a space before the colon', '0\r\nX-Trailer : v\r\n\r\n'),
  broken('a folded trailer', '0\r\nX-Trailer: v\r\n w\r\n\r\n'),
  broken('a trailer with a bare LF', '0\r\nX-Trailer: v\nX-Other: w\r\n\r\n'),
  broken('a trailer with a NUL', '0\r\nX-Trailer: v\0\r\n\r\n'),
  broken('Content-Length among the trailers', '0\r\nContent-Length: 3\r\n\r\n'),
  broken('Transfer-Encoding among the trailers', '0\r\nTransfer-Encoding: chunked\r\n\r\n'),
  {
    ...broken('trailers larger than the header limit', `0\r\n${`X-T: ${'v'.repeat(1_000)}\r\n`.repeat(40)}\r\n`),
    client: refused(431, 'headers_too_large'),
  },
];

const trailerRows: readonly Row[] = [
  {
    name: 'trailers reach the app',
    send: `${request('PUT', '/', 'Trailer: X-Sum', 'Transfer-Encoding: chunked')}${chunk('abc')}0\r\nX-Sum: 1\r\nx-b: 2\r\n\r\n`,
    app: app({ line: 'PUT /', headers: ['Trailer: X-Sum'], body: 'abc', trailers: ['X-Sum: 1', 'x-b: 2'] }),
    client: receivesOk,
  },
  {
    name: 'trailers that were not announced',
    send: `${chunkedHead}${chunk('abc')}0\r\nX-Sum: 1\r\n\r\n`,
    app: app({ line: 'POST /', body: 'abc', trailers: ['X-Sum: 1'] }),
    client: receivesOk,
  },
  {
    // RFC 9110 §6.5.1: fields for framing, routing or authentication are not allowed in trailers.
    name: 'fields that are forbidden in trailers',
    send: `${chunkedHead}${chunk('abc')}0\r\n${['Host: forged.test', 'Trailer: X', 'X-Kept: 1'].join('\r\n')}\r\n\r\n`,
    app: app({ line: 'POST /', body: 'abc', trailers: ['X-Kept: 1'] }),
    client: receivesOk,
  },
  {
    // Node's parser honours it. A client that sends another request must get a response or see the
    // connection close.
    name: 'Connection: close among the trailers',
    send: `${chunkedHead}${chunk('abc')}0\r\nConnection: close\r\n\r\n`,
    app: app({ line: 'POST /', body: 'abc', trailers: [] }),
    client: { ...receivesOk, then: 'either' },
  },
  {
    name: 'trailers that forge gateway headers',
    send: `${chunkedHead}${chunk('abc')}0\r\n${[
      'X-Gateway-Subject: forged',
      'x_gateway_scopes: forged',
      'X-Forwarded-For: forged',
      'Forwarded: for=forged',
      'X-Request-ID: forged',
    ].join('\r\n')}\r\n\r\n`,
    app: app({ line: 'POST /', body: 'abc', trailers: [] }),
    client: receivesOk,
  },
  {
    name: 'the credential among the trailers',
    send: `${chunkedHead}${chunk('abc')}0\r\nX-API-Key: @key\r\nAuthorization: forged\r\n\r\n`,
    app: app({ line: 'POST /', body: 'abc', trailers: [] }),
    client: receivesOk,
  },
  {
    name: 'fields named by Connection are removed from trailers too',
    send: `${request('POST', '/', 'Connection: X-Hop', 'Transfer-Encoding: chunked')}${chunk('abc')}0\r\nX-Hop: forged\r\n\r\n`,
    app: app({ line: 'POST /', body: 'abc', trailers: [] }),
    client: receivesOk,
  },
];

const cutRows: readonly Row[] = [
  {
    name: 'a fault after the response began cuts the response, and no other follows',
    send: [chunkedHead + chunk('abc'), { received: 'begun' }, 'x\r\n'],
    app: app(
      { line: 'POST /', body: 'abc', whole: false },
      [{ received: 'abc' }, 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nbegun\r\n', untilClosed],
      { tunnel: 'closed' },
    ),
    client: receives({ status: 200, body: 'begun', cut: true }, 'closed'),
  },
  {
    name: 'a client that ends within a chunked body aborts the app’s request',
    send: [chunkedHead + chunk('abc'), { peerReceived: 'abc' }, { act: 'reset' }],
    app: app({ line: 'POST /', body: 'abc', whole: false }, [untilClosed], { tunnel: 'closed' }),
    client: { responses: [], then: 'closed' },
  },
  {
    name: 'a client that ends within a body with a length aborts the app’s request',
    send: [`${request('POST', '/', 'Content-Length: 10')}abc`, { peerReceived: 'abc' }, { act: 'reset' }],
    app: app({ line: 'POST /', body: 'abc', whole: false }, [untilClosed], { tunnel: 'closed' }),
    client: { responses: [], then: 'closed' },
  },
];

export const chunks: Topic = { title: 'chunks', rows: [...wholeRows, ...brokenRows, ...trailerRows, ...cutRows] };
