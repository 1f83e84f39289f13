// Upgrades (RFC 9110 §7.8): requested end to end, accepted only by the app, then bytes in both
// directions.
import { response, app, get, head, passes, problem, receives, refused, request } from '../phrases.ts';
import {
  end,
  untilClosed,
  wholeRequest,
  type ExpectedResponse,
  type ClientSide,
  type Row,
  type Topic,
} from '../row.ts';

const websocket = [
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
  'Sec-WebSocket-Version: 13',
  'Sec-WebSocket-Protocol: chat, superchat',
  'Sec-WebSocket-Extensions: permessage-deflate',
  'Origin: https://a.test',
];
const asks = ['Connection: Upgrade', 'Upgrade: websocket', ...websocket];
const agreed = ['Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=', 'Sec-WebSocket-Protocol: chat'];
const agrees = head('HTTP/1.1 101 Switching Protocols', 'Upgrade: websocket', 'Connection: Upgrade', ...agreed);
const switched: ExpectedResponse = {
  status: 101,
  headers: agreed,
  added: ['Upgrade: websocket', 'Connection: Upgrade'],
  lacks: ['Content-Length', 'Transfer-Encoding'],
};
const seesAsking = {
  line: 'GET /',
  headers: websocket,
  added: ['Connection: Upgrade', 'Upgrade: websocket'],
  framing: 'none',
} as const;

function talks(rest: string): ClientSide {
  return { responses: [switched], then: 'switched', rest };
}

/** Not an upgrade: forwarded like any other request, without the Upgrade header. */
function plain(name: string, ...lines: readonly string[]): Row {
  return passes(name, get('/', ...lines), { line: 'GET /', lacks: ['Upgrade'] });
}

const refusals: readonly Row[] = [
  '200 OK',
  '401 Unauthorized',
  '403 Forbidden',
  '404 Not Found',
  '500 Internal Server Error',
].map((line) => ({
  name: `the app responds with ${line} instead`,
  send: get('/', ...asks),
  app: app(seesAsking, response(line, 'no', 'X-App: 1')),
  client: receives({ status: Number(line.slice(0, 3)), headers: ['X-App: 1'], body: 'no' }, 'closed'),
}));

export const upgrades: Topic = {
  title: 'upgrade',
  rows: [
    {
      name: 'bytes both ways',
      send: [get('/', ...asks), { received: 'hello from the app' }, 'hello from the client', { received: 'goodbye' }],
      app: app(seesAsking, [agrees, 'hello from the app', { received: 'hello from the client' }, 'goodbye'], {
        rest: 'hello from the client',
      }),
      client: talks('hello from the appgoodbye'),
    },
    {
      name: 'bytes together with the 101',
      send: [get('/', ...asks), { received: 'at once' }],
      app: app(seesAsking, [`${agrees}at once`]),
      client: talks('at once'),
    },
    {
      name: 'bytes that the client sends before the 101',
      send: [`${get('/', ...asks)}ahead`, { received: 'got it' }],
      app: app(seesAsking, [agrees, { received: 'ahead' }, 'got it'], { rest: 'ahead' }),
      client: talks('got it'),
    },
    {
      name: 'every byte value',
      send: [get('/', ...asks), { received: '101' }, '\0\x01\r\n\r\n\x80\xff', { received: '\xff\0' }],
      app: app(seesAsking, [agrees, { received: '\x80\xff' }, '\r\n\r\n\xff\0'], { rest: '\0\x01\r\n\r\n\x80\xff' }),
      client: talks('\r\n\r\n\xff\0'),
    },
    {
      name: 'the client ends its direction, the app continues',
      send: [get('/', ...asks), { received: '101' }, 'done', end, { received: 'last words' }],
      app: app(seesAsking, [agrees, { received: 'done' }, untilClosed, 'last words', end], { rest: 'done' }),
      client: talks('last words'),
    },
    {
      name: 'the app ends its direction, the client continues',
      send: [get('/', ...asks), { wait: 'closed' }, 'last words', end],
      app: app(seesAsking, [`${agrees}done`, end, { received: 'last words' }], { rest: 'last words' }),
      client: talks('done'),
    },
    {
      name: 'another protocol',
      send: [get('/', 'Connection: upgrade', 'Upgrade: foo/2'), { received: '101' }, 'foo', { received: 'bar' }],
      app: app(
        { line: 'GET /', added: ['Upgrade: foo/2'] },
        [head('HTTP/1.1 101 Switching', 'Connection: upgrade', 'Upgrade: foo/2'), { received: 'foo' }, 'bar'],
        { rest: 'foo' },
      ),
      client: {
        responses: [{ status: 101, added: ['Upgrade: foo/2', 'Connection: Upgrade'] }],
        then: 'switched',
        rest: 'bar',
      },
    },
    {
      name: 'one of several protocols',
      send: [get('/', 'Connection: keep-alive, Upgrade', 'Upgrade: foo/2, bar'), { received: 'x' }],
      app: app({ line: 'GET /', added: ['Upgrade: foo/2, bar', 'Connection: Upgrade'] }, [
        `${head('HTTP/1.1 101 Switching', 'Connection: upgrade', 'Upgrade: bar')}x`,
      ]),
      client: {
        responses: [{ status: 101, added: ['Upgrade: bar', 'Connection: Upgrade'] }],
        then: 'switched',
        rest: 'x',
      },
    },
    {
      name: 'with its path and query',
      send: [get('/socket.io/?EIO=4&t=%2F', ...asks), { received: 'x' }],
      app: app({ ...seesAsking, line: 'GET /socket.io/?EIO=4&t=%2F' }, [`${agrees}x`]),
      client: talks('x'),
    },
    {
      name: 'connection-specific headers are dropped with an upgrade too',
      send: [
        get(
          '/',
          'Connection: Upgrade, X-Hop',
          'Upgrade: websocket',
          'X-Hop: forged',
          'Keep-Alive: forged',
          ...websocket,
        ),
        { received: 'x' },
      ],
      app: app(seesAsking, [
        `${head('HTTP/1.1 101 Switching', 'Upgrade: websocket', 'Connection: Upgrade, X-Leak', 'X-Leak: leaked', 'Keep-Alive: leaked', ...agreed)}x`,
      ]),
      client: talks('x'),
    },
    {
      name: 'early hints before the 101',
      send: [get('/', ...asks), { received: 'x' }],
      app: app(seesAsking, [`${head('HTTP/1.1 103 Early Hints', 'X-Hint: 1')}${agrees}x`]),
      client: { responses: [{ status: 103, headers: ['X-Hint: 1'] }, switched], then: 'switched', rest: 'x' },
    },
    ...refusals,
    {
      name: 'the app reports the version it supports',
      send: get('/', ...asks),
      app: app(seesAsking, response('426 Upgrade Required', '', 'Sec-WebSocket-Version: 13')),
      client: receives({ status: 426, headers: ['Sec-WebSocket-Version: 13'] }, 'closed'),
    },
    {
      name: 'the app closes without a response',
      send: get('/', ...asks),
      app: app(seesAsking, [wholeRequest, end], { tunnel: 'closed' }),
      client: refused(502, 'tunnel_failed'),
    },
    plain('Upgrade not named by Connection', 'Upgrade: websocket'),
    plain('Connection: Upgrade without Upgrade', 'Connection: Upgrade'),
    plain(
      'HTTP/2 without TLS is offered',
      'Connection: Upgrade, HTTP2-Settings',
      'Upgrade: h2c',
      'HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA',
    ),
    {
      // RFC 9110 §7.8: the Upgrade of an HTTP/1.0 client is ignored.
      name: 'an HTTP/1.0 client cannot upgrade',
      send: head('GET /peer/@app/ HTTP/1.0', 'X-API-Key: @key', 'Connection: Upgrade', 'Upgrade: foo'),
      app: app({ line: 'GET /', lacks: ['Upgrade'] }),
      client: receives({ status: 200, body: 'ok' }, 'closed'),
    },
    {
      name: 'a request with a body keeps it, and does not upgrade',
      send: `${request('POST', '/', 'Connection: Upgrade', 'Upgrade: foo', 'Content-Length: 4')}body`,
      app: app({ line: 'POST /', body: 'body' }),
      client: receives({ status: 200, body: 'ok' }),
    },
    {
      name: 'without a key nothing is upgraded',
      send: head('GET /peer/@app/ HTTP/1.1', 'Host: gw.test', ...asks),
      client: refused(401, 'missing_credentials'),
    },
    {
      name: 'to an unknown lease',
      send: head('GET /peer/nobody/ HTTP/1.1', 'Host: gw.test', 'X-API-Key: @key', ...asks),
      client: refused(404, 'lease_not_found'),
    },
    {
      name: '/ws/ is the app’s root',
      send: [head('GET /ws/@app HTTP/1.1', 'Host: gw.test', 'X-API-Key: @key', ...asks), { received: 'x' }],
      app: app(seesAsking, [`${agrees}x`]),
      client: talks('x'),
    },
    {
      name: '/ws/ keeps the query',
      send: [head('GET /ws/@app?room=1 HTTP/1.1', 'Host: gw.test', 'X-API-Key: @key', ...asks), { received: 'x' }],
      app: app({ ...seesAsking, line: 'GET /?room=1' }, [`${agrees}x`]),
      client: talks('x'),
    },
    {
      name: '/ws/ without an upgrade',
      send: head('GET /ws/@app HTTP/1.1', 'Host: gw.test', 'X-API-Key: @key'),
      client: problem(400, 'invalid_request'),
    },
    {
      name: '/ws/ has no paths below',
      send: head('GET /ws/@app/x HTTP/1.1', 'Host: gw.test', 'X-API-Key: @key', ...asks),
      client: refused(404, 'not_found'),
    },
  ],
};
