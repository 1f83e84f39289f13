// Truncated or malformed response bodies: the valid part is forwarded, the client can tell that the
// response is incomplete, the tunnel is not reused, and nothing leaks into the next response.
import { response, app, chunk, get, head, lastChunk, receives, receivesOk, request } from '../phrases.ts';
import { end, reset, wholeRequest, type AppSide, type Row, type Topic } from '../row.ts';

const chunked = head('HTTP/1.1 200 OK', 'Transfer-Encoding: chunked');

/**
 * The client receives the head and the valid start of the body before the rest turns out to be
 * invalid.
 */
function cut(name: string, first: string, body: string, ...then: AppSide['responses'][number][]): Row {
  return {
    name,
    send: [get(), { received: body }],
    app: app('GET /', [wholeRequest, first, { peerReceived: body }, ...then.flat()], { tunnel: 'closed' }),
    client: receives({ status: 200, body, cut: true }, 'closed'),
  };
}

/** The response is complete; the bytes after it on the tunnel are discarded. */
function followed(name: string, bytes: string, send: string = get()): Row {
  const method = send.split(' ')[0] ?? 'GET';
  return {
    name,
    send,
    app: app(`${method} /`, bytes, { tunnel: 'closed' }),
    client: method === 'HEAD' ? receives({ status: 200, framing: 'none' }) : receivesOk,
    h2: true,
  };
}

const cuts: readonly Row[] = [
  cut('the end within a length', `${head('HTTP/1.1 200 OK', 'Content-Length: 10')}hello`, 'hello', [end]),
  cut('a reset within a length', `${head('HTTP/1.1 200 OK', 'Content-Length: 10')}hello`, 'hello', [reset]),
  cut('the end between chunks', chunked + chunk('hello'), 'hello', [end]),
  cut('a reset between chunks', chunked + chunk('hello'), 'hello', [reset]),
  cut('the end within a chunk', `${chunked}a\r\nhello`, 'hello', [end]),
  cut('the end within a size', chunked + chunk('hello') + '1', 'hello', [end]),
  cut('the end before the last line', `${chunked}${chunk('hello')}0\r\n`, 'hello', [end]),
  cut('the end within trailers', `${chunked}${chunk('hello')}0\r\nX-Sum: lea`, 'hello', [end]),
  cut('a reset of a body delimited by the end of the connection', `${head('HTTP/1.1 200 OK')}hello`, 'hello', [reset]),
  cut('an invalid size', chunked + chunk('hello'), 'hello', ['leaked\r\n']),
  cut('a negative size', chunked + chunk('hello'), 'hello', ['-5\r\nleaked\r\n']),
  cut('a size of 2^64 + 6', chunked + chunk('hello'), 'hello', ['10000000000000006\r\nleaked\r\n']),
  cut('no CRLF after a chunk', `${chunked}5\r\nhello`, 'hello', ['leaked\r\n']),
  cut('a bare LF after a size', chunked + chunk('hello'), 'hello', ['6\nleaked\r\n']),
  cut('an extension with a bare LF', chunked + chunk('hello'), 'hello', ['6;a\nleaked\r\n']),
  cut('an invalid trailer', chunked + chunk('hello'), 'hello', ['0\r\nno colon\r\n\r\n']),
  cut('a trailer with a NUL', chunked + chunk('hello'), 'hello', ['0\r\nX-T: leaked\0\r\n\r\n']),
  cut('a folded trailer', chunked + chunk('hello'), 'hello', ['0\r\nX-T: v\r\n leaked\r\n\r\n']),
  {
    name: 'the end before the first byte of a length',
    send: [get(), { received: 'X-App: 1' }],
    app: app(
      'GET /',
      [wholeRequest, head('HTTP/1.1 200 OK', 'X-App: 1', 'Content-Length: 10'), { peerReceived: 'X-App: 1' }, end],
      {
        tunnel: 'closed',
      },
    ),
    client: receives({ status: 200, headers: ['X-App: 1'], cut: true }, 'closed'),
  },
];

const second = response('200 OK', 'leaked');

const follows: readonly Row[] = [
  followed('a second response after the first', response('200 OK', 'ok') + second),
  followed('bytes after a length', `${response('200 OK', 'ok')}leaked`),
  followed('bytes after the last chunk', `${chunked}${chunk('ok')}${lastChunk}leaked`),
  followed('a second response after the last chunk', chunked + chunk('ok') + lastChunk + second),
  followed(
    'an interim response after the response',
    response('200 OK', 'ok') + head('HTTP/1.1 103 Early Hints', 'X: leaked'),
  ),
  followed('a body to HEAD', head('HTTP/1.1 200 OK', 'Content-Length: 6') + 'leaked', request('HEAD', '/')),
  followed('chunks to HEAD', chunked + chunk('leaked') + lastChunk, request('HEAD', '/')),
  {
    name: 'a body with 204',
    send: get(),
    app: app('GET /', `${head('HTTP/1.1 204 No Content')}leaked`, { tunnel: 'closed' }),
    client: receives({ status: 204, framing: 'none' }),
    h2: true,
  },
  {
    name: 'a body with 304',
    send: get(),
    app: app('GET /', `${head('HTTP/1.1 304 Not Modified', 'Content-Length: 6')}leaked`, { tunnel: 'closed' }),
    client: receives({ status: 304, framing: 'none' }),
    h2: true,
  },
  {
    // RFC 9110 §15.3.6: a 205 has no content.
    name: 'a body with 205',
    send: get(),
    app: app('GET /', `${head('HTTP/1.1 205 Reset Content', 'Content-Length: 6')}leaked`),
    client: receives({ status: 205, body: '' }),
    h2: true,
  },
  {
    name: 'a response before the request',
    send: [get('/1'), { received: 'one' }, get('/2')],
    app: {
      sees: [{ line: 'GET /1' }, { line: 'GET /2' }],
      responses: [response('200 OK', 'one') + second, response('200 OK', 'two')],
    },
    client: {
      responses: [
        { status: 200, body: 'one' },
        { status: 200, body: 'two' },
      ],
      then: 'open',
    },
  },
  {
    name: 'the end right after the response',
    send: get(),
    app: app('GET /', [wholeRequest, response('200 OK', 'ok'), end], { tunnel: 'closed' }),
    client: receivesOk,
    h2: true,
  },
];

export const upstreamBodies: Topic = { title: 'invalid response, body', rows: [...cuts, ...follows] };
