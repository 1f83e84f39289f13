// Response bodies as clients must receive them: new framing, trailers, and every byte forwarded as
// soon as it arrives (RFC 9112 §6, §7).
import { response, responded, app, chunk, get, head, lastChunk, receives, request } from '../phrases.ts';
import { end, wholeRequest, type Row, type Topic } from '../row.ts';

const framing: readonly Row[] = [
  {
    ...responded('a length', response('200 OK', 'hello'), { status: 200, framing: 'length', body: 'hello' }),
    h2: true,
  },
  {
    ...responded(
      'chunks',
      head('HTTP/1.1 200 OK', 'Transfer-Encoding: chunked') + chunk('hel') + chunk('lo') + lastChunk,
      {
        status: 200,
        framing: 'chunked',
        body: 'hello',
      },
    ),
    h2: true,
  },
  {
    ...responded(
      'chunked in another case',
      head('HTTP/1.1 200 OK', 'transfer-encoding: CHUNKED') + chunk('hello') + lastChunk,
      {
        status: 200,
        framing: 'chunked',
        body: 'hello',
      },
    ),
    h2: true,
  },
  responded(
    'chunk extensions are dropped',
    head('HTTP/1.1 200 OK', 'Transfer-Encoding: chunked') + `5;leaked=1\r\nhello\r\n${lastChunk}`,
    {
      status: 200,
      body: 'hello',
    },
  ),
  {
    name: 'the end of the app’s connection ends the body, and the client’s connection',
    send: get(),
    app: app('GET /', [wholeRequest, head('HTTP/1.1 200 OK') + 'until the end', end]),
    client: receives({ status: 200, framing: 'close', body: 'until the end' }, 'closed'),
  },
  {
    name: 'an app that speaks HTTP/1.0',
    send: get(),
    app: app('GET /', [wholeRequest, head('HTTP/1.0 200 OK', 'Content-Type: text/plain') + 'old', end]),
    client: receives({ status: 200, framing: 'close', headers: ['Content-Type: text/plain'], body: 'old' }, 'closed'),
  },
  {
    name: 'an app that speaks HTTP/1.0 with a length',
    send: get(),
    app: app('GET /', [wholeRequest, head('HTTP/1.0 200 OK', 'Content-Length: 3') + 'old', end], { tunnel: 'closed' }),
    client: receives({ status: 200, framing: 'length', body: 'old' }),
  },
  {
    name: 'trailers reach the client',
    send: get('/', 'TE: trailers'),
    app: app(
      'GET /',
      `${head('HTTP/1.1 200 OK', 'Trailer: X-Sum', 'Transfer-Encoding: chunked')}${chunk('abc')}0\r\nX-Sum: 1\r\nx-b: 2\r\n\r\n`,
    ),
    client: receives({ status: 200, headers: ['Trailer: X-Sum'], body: 'abc', trailers: ['X-Sum: 1', 'x-b: 2'] }),
    h2: true,
  },
  {
    name: 'fields that are forbidden in trailers are dropped',
    send: get('/', 'TE: trailers'),
    app: app(
      'GET /',
      `${head('HTTP/1.1 200 OK', 'Transfer-Encoding: chunked')}${chunk('abc')}0\r\nConnection: leaked\r\nX-Request-ID: leaked\r\nX-Kept: 1\r\n\r\n`,
    ),
    client: receives({ status: 200, body: 'abc', trailers: ['X-Kept: 1'] }),
    h2: true,
  },
  {
    ...responded(
      'order, case and repetition of headers',
      response('200 OK', 'ok', 'x-B: 1', 'X-A: 2', 'X-b: 3', 'Link: </a>', 'link: </b>'),
      {
        status: 200,
        headers: ['x-B: 1', 'X-A: 2', 'X-b: 3', 'Link: </a>', 'link: </b>'],
        body: 'ok',
      },
    ),
    h2: true,
  },
  responded('non-ASCII headers', response('200 OK', 'ok', 'X-Latin: \xe9', 'X-Empty: '), {
    status: 200,
    headers: ['X-Latin: \xe9', 'X-Empty: '],
    body: 'ok',
  }),
  {
    ...responded('the app’s Date is kept', response('200 OK', 'ok', 'Date: Sun, 06 Nov 1994 08:49:37 GMT'), {
      status: 200,
      added: ['Date: Sun, 06 Nov 1994 08:49:37 GMT'],
      body: 'ok',
    }),
    h2: true,
  },
  {
    ...responded(
      'Server, Cache-Control, Vary and ETag of the app are kept',
      response('200 OK', 'ok', 'Server: x/1', 'Cache-Control: no-cache', 'Vary: Accept', 'ETag: W/"1"'),
      {
        status: 200,
        headers: ['Server: x/1', 'Cache-Control: no-cache', 'Vary: Accept', 'ETag: W/"1"'],
        body: 'ok',
      },
    ),
    h2: true,
  },
  {
    ...responded('a content coding is left unchanged', response('200 OK', '\x1f\x8b\x08', 'Content-Encoding: gzip'), {
      status: 200,
      headers: ['Content-Encoding: gzip'],
      body: '\x1f\x8b\x08',
    }),
    h2: true,
  },
];

const streaming: readonly Row[] = [
  {
    name: 'the first byte arrives before the second is sent',
    send: [get(), { received: 'first' }],
    app: app('GET /', [
      wholeRequest,
      head('HTTP/1.1 200 OK', 'Content-Type: text/event-stream', 'Transfer-Encoding: chunked') +
        chunk('data: first\n\n'),
      { peerReceived: 'data: first\n\n' },
      chunk('data: second\n\n') + lastChunk,
    ]),
    client: receives({
      status: 200,
      headers: ['Content-Type: text/event-stream'],
      body: 'data: first\n\ndata: second\n\n',
    }),
  },
  {
    name: 'the head arrives before the body is sent',
    send: [get(), { received: 'X-App: 1' }],
    app: app('GET /', [
      wholeRequest,
      head('HTTP/1.1 200 OK', 'X-App: 1', 'Content-Length: 2'),
      { peerReceived: 'X-App: 1' },
      'ok',
    ]),
    client: receives({ status: 200, headers: ['X-App: 1'], body: 'ok' }),
  },
  {
    name: 'a response may begin before the end of the upload, and both continue',
    send: [
      request('POST', '/', 'Transfer-Encoding: chunked') + chunk('one'),
      { received: 'one seen' },
      chunk('two') + lastChunk,
    ],
    app: app({ line: 'POST /', body: 'onetwo' }, [
      { received: 'one' },
      head('HTTP/1.1 200 OK', 'Transfer-Encoding: chunked') + chunk('one seen'),
      wholeRequest,
      chunk('two seen') + lastChunk,
    ]),
    client: receives({ status: 200, body: 'one seentwo seen' }),
  },
];

export const responseBodies: Topic = { title: 'response body', rows: [...framing, ...streaming] };
