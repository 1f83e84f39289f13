// Several requests on one connection (RFC 9112 §9): order, HTTP/1.0, and what closes the
// connection.
import { response, app, chunk, get, head, lastChunk, ok, post, receives, request } from '../phrases.ts';
import { end, reset, untilClosed, wholeRequest, type ExpectedResponse, type Topic } from '../row.ts';

const one: ExpectedResponse = { status: 200, body: 'one' };
const two: ExpectedResponse = { status: 200, body: 'two' };

export const connections: Topic = {
  title: 'connection',
  rows: [
    {
      name: 'two pipelined requests get responses in order',
      send: get('/1') + get('/2'),
      app: {
        sees: [{ line: 'GET /1' }, { line: 'GET /2' }],
        responses: [response('200 OK', 'one'), response('200 OK', 'two')],
      },
      client: { responses: [one, two], then: 'open' },
    },
    {
      name: 'ten pipelined requests',
      send: Array.from({ length: 10 }, (_, i) => get(`/${i}`)).join(''),
      app: {
        sees: Array.from({ length: 10 }, (_, i) => ({ line: `GET /${i}` })),
        responses: Array.from({ length: 10 }, (_, i) => response('200 OK', String(i))),
      },
      client: { responses: Array.from({ length: 10 }, (_, i) => ({ status: 200, body: String(i) })), then: 'open' },
    },
    {
      name: 'a body between two requests',
      send: post('first') + get('/2'),
      app: {
        sees: [{ line: 'POST /', body: 'first' }, { line: 'GET /2' }],
        responses: [response('200 OK', 'one'), response('200 OK', 'two')],
      },
      client: { responses: [one, two], then: 'open' },
    },
    {
      name: 'a chunked body between two requests',
      send: request('POST', '/', 'Transfer-Encoding: chunked') + chunk('first') + lastChunk + get('/2'),
      app: {
        sees: [{ line: 'POST /', body: 'first' }, { line: 'GET /2' }],
        responses: [response('200 OK', 'one'), response('200 OK', 'two')],
      },
      client: { responses: [one, two], then: 'open' },
    },
    {
      name: 'HEAD before GET',
      send: request('HEAD', '/1') + get('/2'),
      app: {
        sees: [{ line: 'HEAD /1' }, { line: 'GET /2' }],
        responses: [head('HTTP/1.1 200 OK', 'Content-Length: 3'), response('200 OK', 'two')],
      },
      client: { responses: [{ status: 200, framing: 'none' }, two], then: 'open' },
    },
    {
      name: 'empty lines between requests',
      send: `${get('/1')}\r\n${get('/2')}`,
      app: {
        sees: [{ line: 'GET /1' }, { line: 'GET /2' }],
        responses: [response('200 OK', 'one'), response('200 OK', 'two')],
      },
      client: { responses: [one, two], then: 'open' },
    },
    {
      name: 'a request to the gateway itself between two for the app',
      send: get('/1') + head('GET /nothing HTTP/1.1', 'Host: gw.test') + get('/2'),
      app: {
        sees: [{ line: 'GET /1' }, { line: 'GET /2' }],
        responses: [response('200 OK', 'one'), response('200 OK', 'two')],
      },
      client: { responses: [one, { status: 404, problem: 'not_found' }, two], then: 'open' },
    },
    {
      name: 'a malformed request after a valid one: the valid one gets its response first',
      send: `${get('/1')}GET /peer/@app/forged HTTP/1.1\r\nHost : gw.test\r\n\r\n`,
      app: app('GET /1', response('200 OK', 'one')),
      client: { responses: [one, { status: 400, problem: 'invalid_request' }], then: 'closed' },
    },
    {
      name: 'ambiguous framing after a valid request, with a smuggled request',
      send:
        get('/1') +
        request('POST', '/forged', 'Content-Length: 5', 'Transfer-Encoding: chunked') +
        lastChunk +
        get('/forged'),
      app: app('GET /1', response('200 OK', 'one')),
      client: { responses: [one, { status: 400, problem: 'invalid_request' }], then: 'closed' },
    },
    {
      name: 'garbage after a valid request',
      send: `${get('/1')}\x00\x01\x02 garbage\r\n\r\n`,
      app: app('GET /1', response('200 OK', 'one')),
      client: { responses: [one, { status: 400, problem: 'invalid_request' }], then: 'closed' },
    },
    {
      name: 'bytes after Connection: close are not read',
      send: get('/1', 'Connection: close') + get('/forged'),
      app: app('GET /1', response('200 OK', 'one')),
      client: { responses: [one], then: 'closed' },
    },
    {
      name: 'an HTTP/1.0 connection ends with its response',
      send: head('GET /peer/@app/1 HTTP/1.0', 'Host: gw.test', 'X-API-Key: @key'),
      app: app('GET /1', response('200 OK', 'one')),
      client: { responses: [one], then: 'closed' },
    },
    {
      name: 'bytes after an HTTP/1.0 request are not read',
      send: head('GET /peer/@app/1 HTTP/1.0', 'Host: gw.test', 'X-API-Key: @key') + get('/forged'),
      app: app('GET /1', response('200 OK', 'one')),
      client: { responses: [one], then: 'closed' },
    },
    {
      name: 'HTTP/1.0 gets no chunks: the end of the connection ends the body',
      send: head('GET /peer/@app/ HTTP/1.0', 'X-API-Key: @key'),
      app: app('GET /', head('HTTP/1.1 200 OK', 'Transfer-Encoding: chunked') + chunk('hel') + chunk('lo') + lastChunk),
      client: receives({ status: 200, framing: 'close', body: 'hello', lacks: ['Transfer-Encoding'] }, 'closed'),
    },
    {
      name: 'HTTP/1.0 with keep-alive gets no chunks either',
      send: head('GET /peer/@app/ HTTP/1.0', 'X-API-Key: @key', 'Connection: keep-alive'),
      app: app('GET /', head('HTTP/1.1 200 OK', 'Transfer-Encoding: chunked') + chunk('hello') + lastChunk),
      client: receives({ status: 200, framing: 'close', body: 'hello', lacks: ['Transfer-Encoding'] }, 'closed'),
    },
    {
      name: 'HTTP/1.0 gets no trailers',
      send: head('GET /peer/@app/ HTTP/1.0', 'X-API-Key: @key'),
      app: app(
        'GET /',
        `${head('HTTP/1.1 200 OK', 'Trailer: X-Sum', 'Transfer-Encoding: chunked')}${chunk('abc')}0\r\nX-Sum: leaked\r\n\r\n`,
      ),
      client: receives({ status: 200, framing: 'close', body: 'abc', lacks: ['Trailer'] }, 'closed'),
    },
    {
      name: 'HTTP/1.0 with a body',
      send: `${head('POST /peer/@app/ HTTP/1.0', 'X-API-Key: @key', 'Content-Length: 3')}abc`,
      app: app({ line: 'POST /', framing: 'length', body: 'abc' }),
      client: receives({ status: 200, body: 'ok' }, 'closed'),
    },
    {
      name: 'HTTP/1.0 and HEAD',
      send: head('HEAD /peer/@app/ HTTP/1.0', 'X-API-Key: @key'),
      app: app('HEAD /', head('HTTP/1.1 200 OK', 'Content-Length: 5')),
      client: receives({ status: 200, framing: 'none', added: ['Content-Length: 5'] }, 'closed'),
    },
    {
      // TCP cannot distinguish a client that only ends its direction from one that has closed. HTTP
      // clients normally do the latter.
      name: 'a client that ends while it waits aborts the app’s request',
      send: [get(), { peerReceived: '\r\n\r\n' }, end],
      app: app('GET /', [untilClosed], { tunnel: 'closed' }),
      client: { responses: [], then: 'closed' },
    },
    {
      name: 'a client that ends within its head gets 400',
      send: ['GET /peer/@app/ HTTP/1.1\r\nHost: gw.test\r\nX-', end],
      client: { responses: [{ status: 400, problem: 'invalid_request' }], then: 'closed' },
    },
    {
      name: 'a client that connects and ends gets no response',
      send: [end],
      client: { responses: [], then: 'closed' },
    },
    {
      name: 'a client that leaves before the response aborts the app’s request',
      send: [get(), { peerReceived: '\r\n\r\n' }, reset],
      app: app('GET /', [untilClosed], { tunnel: 'closed' }),
      client: { responses: [], then: 'closed' },
    },
    {
      name: 'a client that leaves within the response aborts the app’s request',
      send: [get(), { received: 'first' }, reset],
      app: app(
        'GET /',
        [wholeRequest, head('HTTP/1.1 200 OK', 'Transfer-Encoding: chunked') + chunk('first'), untilClosed],
        { tunnel: 'closed' },
      ),
      client: receives({ status: 200, body: 'first', cut: true }, 'closed'),
    },
    {
      name: 'a response from before the end of the upload arrives',
      send: [`${request('POST', '/', 'Content-Length: 100')}x`, { received: 'early' }, 'x'.repeat(99)],
      app: app({ line: 'POST /', whole: false }, [
        response('413 Content Too Large', 'early', 'Connection: close'),
        end,
      ]),
      client: receives({ status: 413, body: 'early' }),
    },
    {
      name: 'two tunnels, one connection: the slow first response comes first',
      send: get('/slow') + get('/fast'),
      app: {
        sees: [{ line: 'GET /slow' }, { line: 'GET /fast' }],
        responses: [
          [wholeRequest, head('HTTP/1.1 200 OK', 'Transfer-Encoding: chunked'), chunk('one') + lastChunk],
          ok,
        ],
      },
      client: { responses: [one, { status: 200, body: 'ok' }], then: 'open' },
    },
  ],
};
