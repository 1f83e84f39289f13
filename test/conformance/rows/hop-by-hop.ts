// Hop-by-hop headers (RFC 9110 §7.6.1) are never forwarded, in either direction.
import { response, responded, app, get, head, passes, receives, receivesOk, request } from '../phrases.ts';
import type { Row, Topic } from '../row.ts';

/** None of the lines reaches the app. */
function dropped(name: string, ...lines: readonly string[]): Row {
  return passes(name, get('/', ...lines), { line: 'GET /', headers: [] });
}

const requestRows: readonly Row[] = [
  dropped('Connection: keep-alive', 'Connection: keep-alive'),
  dropped('Keep-Alive', 'Keep-Alive: timeout=5', 'Connection: keep-alive'),
  dropped('Proxy-Connection', 'Proxy-Connection: keep-alive'),
  dropped('Proxy-Authorization', 'Proxy-Authorization: Basic forged'),
  dropped('Proxy-Authenticate', 'Proxy-Authenticate: forged'),
  dropped('TE', 'TE: trailers, gzip'),
  dropped('TE, named by Connection', 'TE: trailers', 'Connection: TE'),
  dropped('Upgrade without Connection', 'Upgrade: forged/1'),
  dropped('a header named by Connection', 'Connection: X-Hop', 'X-Hop: forged'),
  dropped('a header named by Connection in another case', 'cONNECTION: x-HOP', 'X-hop: forged'),
  dropped(
    'headers named by Connection among others',
    'Connection: keep-alive, X-One,X-Two , ,',
    'X-One: forged',
    'X-Two: forged',
  ),
  dropped('a header named by a second Connection', 'Connection: keep-alive', 'X-Hop: forged', 'Connection: X-Hop'),
  dropped('every header with a name given by Connection', 'X-Hop: forged', 'x-hop: forged', 'Connection: X-Hop'),
  dropped('Cookie, named by Connection', 'Connection: cookie', 'Cookie: a=forged'),
  dropped('Authorization, named by Connection', 'Connection: Authorization', 'Authorization: Basic forged'),
  dropped('Trailer where no trailers can follow', 'Trailer: X-Sum'),
  passes('Connection names a missing header', get('/', 'Connection: X-None', 'X-Kept: 1'), {
    line: 'GET /',
    headers: ['X-Kept: 1'],
  }),
  passes('Connection names a prefix of a header', get('/', 'Connection: X-Kep', 'X-Kept: 1'), {
    line: 'GET /',
    headers: ['X-Kept: 1'],
  }),
  passes('Connection cannot remove Host', get('/', 'Connection: Host'), { line: 'GET /', added: ['Host: @app'] }),
  passes(
    'Connection cannot remove the length',
    request('POST', '/', 'Connection: Content-Length', 'Content-Length: 2') + 'ab',
    {
      line: 'POST /',
      framing: 'length',
      body: 'ab',
    },
  ),
  passes(
    'Connection cannot remove headers that the gateway adds',
    get(
      '/',
      'Connection: X-Forwarded-For, X-Forwarded-Host, X-Forwarded-Proto, X-Forwarded-Prefix',
      'Connection: Forwarded, Via, X-Request-ID, X-Gateway-Key-Id',
    ),
    {
      line: 'GET /',
      added: [
        'X-Forwarded-For: 127.0.0.1',
        'X-Forwarded-Host: gw.test',
        'X-Forwarded-Proto: http',
        'X-Forwarded-Prefix: /peer/@app',
        'Via: 1.1 portal-gateway',
      ],
    },
  ),
  passes('Connection cannot hide the credential from the gateway', get('/', 'Connection: X-API-Key'), 'GET /'),
  {
    name: 'Connection: close applies to the client’s connection, not to the app’s',
    send: get('/', 'Connection: close'),
    app: app({ line: 'GET /' }, response('200 OK', 'ok'), { tunnel: 'kept' }),
    client: receives({ status: 200, body: 'ok', added: ['Connection: close'] }, 'closed'),
  },
  {
    name: 'Connection: close among other options',
    send: get('/', 'Connection: X-Hop, CLOSE', 'X-Hop: forged'),
    app: app('GET /'),
    client: { ...receivesOk, then: 'closed' },
  },
];

/** None of the lines reaches the client. */
function kept(name: string, ...lines: readonly string[]): Row {
  return responded(name, response('200 OK', 'ok', ...lines), { status: 200, body: 'ok' });
}

const responseRows: readonly Row[] = [
  kept('Keep-Alive of the app', 'Connection: keep-alive', 'Keep-Alive: timeout=99, leaked'),
  kept('Proxy-Authenticate of the app', 'Proxy-Authenticate: Basic realm="leaked"'),
  kept('Proxy-Connection of the app', 'Proxy-Connection: leaked'),
  kept('Upgrade of the app in an ordinary response', 'Upgrade: leaked/1', 'Connection: upgrade'),
  kept('TE of the app', 'TE: leaked'),
  kept('a header named by the app’s Connection', 'Connection: X-Leak', 'X-Leak: leaked'),
  kept(
    'several headers named by the app’s Connection',
    'Connection: keep-alive,x-LEAK',
    'connection: X-Other',
    'X-Leak: leaked',
    'x-other: leaked',
  ),
  {
    ...responded(
      'the app’s Connection cannot remove the length',
      response('200 OK', 'ok', 'Connection: Content-Length'),
      {
        status: 200,
        framing: 'length',
        body: 'ok',
      },
    ),
  },
  {
    name: 'Connection: close of the app ends its tunnel, not the client’s connection',
    send: get(),
    app: app('GET /', response('200 OK', 'ok', 'Connection: close'), { tunnel: 'closed' }),
    client: receives({ status: 200, body: 'ok' }),
  },
  {
    name: 'the tunnel is kept unless the app closes it',
    send: get(),
    app: app('GET /', response('200 OK', 'ok'), { tunnel: 'kept' }),
    client: receivesOk,
  },
  {
    name: 'an HTTP/1.0 client with keep-alive keeps its connection',
    send: head('GET /peer/@app/ HTTP/1.0', 'X-API-Key: @key', 'Connection: keep-alive'),
    app: app('GET /'),
    client: receives({ status: 200, body: 'ok', added: ['Connection: keep-alive'] }),
  },
];

export const hopByHop: Topic = { title: 'hop-by-hop', rows: [...requestRows, ...responseRows] };
