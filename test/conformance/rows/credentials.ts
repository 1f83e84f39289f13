// The gateway's credential is found, verified and withheld from the app; all other credentials are
// forwarded to the app.
import { app, chunk, get, head, passes, problem, receives, receivesOk, refused } from '../phrases.ts';
import type { Row, Topic } from '../row.ts';

function withHeaders(...lines: readonly string[]): string {
  return head('GET /peer/@app/ HTTP/1.1', 'Host: gw.test', ...lines);
}

function denied(name: string, code: string, ...lines: readonly string[]): Row {
  return { name, send: withHeaders(...lines), client: problem(401, code), h2: true };
}

function ambiguous(name: string, ...lines: readonly string[]): Row {
  return { name, send: withHeaders(...lines), client: problem(400, 'invalid_request'), h2: true };
}

const toldApart = ['X-Gateway-Key-Id: test', 'X-Gateway-Scopes: read write'];

const caller: readonly Row[] = [
  {
    ...passes('the app gets the identity of the caller', withHeaders('X-API-Key: @key'), {
      line: 'GET /',
      added: toldApart,
      lacks: ['X-Gateway-Subject', 'X-Gateway-Tenant'],
    }),
    h2: true,
  },
  {
    ...passes(
      'an identity forged by the client does not reach the app',
      withHeaders(
        ...['X-API-Key: @key', 'X-Gateway-Key-Id: forged', 'x-gateway-scopes: forged', 'X-Gateway-Subject: forged'],
        ...['X_Gateway_Tenant: forged', 'X-Gateway_Key_Id: forged'],
      ),
      { line: 'GET /', added: toldApart, lacks: ['X-Gateway-Subject', 'X-Gateway-Tenant'] },
    ),
    h2: true,
  },
  passes(
    'Connection cannot remove the identity of the caller',
    withHeaders('X-API-Key: @key', 'Connection: X-Gateway-Key-Id, X-Gateway-Scopes'),
    { line: 'GET /', added: toldApart },
  ),
  passes(
    'a key named by Connection is used, and hidden from the app',
    withHeaders('X-API-Key: @key', 'Connection: X-API-Key'),
    { line: 'GET /', added: toldApart, lacks: ['X-API-Key'] },
  ),
  {
    name: 'X-API-Key among the trailers, beside a bearer token',
    send:
      head(
        ...['POST /peer/@app/ HTTP/1.1', 'Host: gw.test', 'Authorization: Bearer @key', 'Transfer-Encoding: chunked'],
      ) + `${chunk('abc')}0\r\nX-API-Key: @key\r\nX-Gateway-Key-Id: forged\r\n\r\n`,
    app: app({ line: 'POST /', body: 'abc', trailers: [], added: toldApart }),
    client: receivesOk,
  },
];

const websocket = [
  'Connection: Upgrade',
  'Upgrade: websocket',
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
  'Sec-WebSocket-Version: 13',
];
const noProtocol = websocket.slice(2);

/** The app responds as to any request; rows/upgrades.ts covers accepted upgrades. */
function offers(
  name: string,
  lines: readonly string[],
  protocols: string | undefined,
  more: readonly string[] = [],
): Row {
  const left = protocols === undefined ? undefined : `Sec-WebSocket-Protocol: ${protocols}`;
  return {
    name,
    send: withHeaders(...websocket, ...lines, ...more),
    app: app({
      line: 'GET /',
      headers: [...noProtocol, ...more],
      added: ['Upgrade: websocket', ...toldApart, ...(left === undefined ? [] : [left])],
      lacks: left === undefined ? ['Sec-WebSocket-Protocol'] : [],
    }),
    client: receives({ status: 200, body: 'ok' }, 'closed'),
  };
}

const asProtocol = 'portal-gateway.bearer.@key';

const subprotocols: readonly Row[] = [
  offers('as a subprotocol, hidden from the app', [`Sec-WebSocket-Protocol: ${asProtocol}, chat`], 'chat'),
  offers('as a subprotocol between others', [`Sec-WebSocket-Protocol: a, ${asProtocol},b`], 'a, b'),
  offers(
    'as a subprotocol on a separate line',
    ['Sec-WebSocket-Protocol: chat', `sec-websocket-protocol: ${asProtocol}`],
    'chat',
  ),
  offers('alone: then the app is offered none', [`Sec-WebSocket-Protocol: ${asProtocol}`], undefined),
  offers('as a subprotocol with an Authorization for the app', [`Sec-WebSocket-Protocol: ${asProtocol}`], undefined, [
    'Authorization: Basic dTpw',
  ]),
  {
    name: 'as a subprotocol beside X-API-Key',
    send: withHeaders(...websocket, `Sec-WebSocket-Protocol: ${asProtocol}`, 'X-API-Key: @key'),
    client: { responses: [{ status: 400, problem: 'invalid_request' }], then: 'either' },
  },
  {
    name: 'two subprotocols with a key',
    send: withHeaders(...websocket, `Sec-WebSocket-Protocol: ${asProtocol}, portal-gateway.bearer.other`),
    client: { responses: [{ status: 400, problem: 'invalid_request' }], then: 'either' },
  },
  denied('as a subprotocol without an upgrade', 'missing_credentials', `Sec-WebSocket-Protocol: ${asProtocol}`),
  {
    ...passes(
      'as a subprotocol without an upgrade, it is hidden from the app all the same',
      withHeaders('X-API-Key: @key', `Sec-WebSocket-Protocol: ${asProtocol}`),
      { line: 'GET /', lacks: ['Sec-WebSocket-Protocol'] },
    ),
    h2: true,
  },
];

export const credentials: Topic = {
  title: 'credentials',
  rows: [
    ...caller,
    ...subprotocols,
    {
      ...passes('X-API-Key is hidden from the app', withHeaders('X-API-Key: @key'), {
        line: 'GET /',
        lacks: ['X-API-Key'],
      }),
      h2: true,
    },
    {
      ...passes('X-API-Key in another case', withHeaders('x-Api-kEY: @key'), { line: 'GET /', lacks: ['X-API-Key'] }),
      h2: true,
    },
    {
      ...passes('a bearer token is hidden from the app', withHeaders('Authorization: Bearer @key'), {
        line: 'GET /',
        lacks: ['Authorization'],
      }),
      h2: true,
    },
    {
      ...passes('the scheme in another case', withHeaders('authorization: bEARER @key'), {
        line: 'GET /',
        lacks: ['Authorization'],
      }),
      h2: true,
    },
    {
      ...passes(
        'beside X-API-Key, Authorization belongs to the app',
        withHeaders('Authorization: Bearer app-token', 'X-API-Key: @key'),
        {
          line: 'GET /',
          headers: ['Authorization: Bearer app-token'],
          lacks: ['X-API-Key'],
        },
      ),
      h2: true,
    },
    {
      ...passes(
        'beside X-API-Key, Authorization of any scheme belongs to the app',
        withHeaders('X-API-Key: @key', 'Authorization: Basic dTpw'),
        {
          line: 'GET /',
          headers: ['Authorization: Basic dTpw'],
        },
      ),
      h2: true,
    },
    {
      ...passes(
        'cookies and the query reach the app',
        head('GET /peer/@app/?api_key=1 HTTP/1.1', 'Host: gw.test', 'X-API-Key: @key', 'Cookie: s=1'),
        {
          line: 'GET /?api_key=1',
          headers: ['Cookie: s=1'],
        },
      ),
      h2: true,
    },
    denied('none', 'missing_credentials'),
    denied('a wrong X-API-Key', 'invalid_credentials', 'X-API-Key: wrong'),
    denied('an empty X-API-Key', 'invalid_credentials', 'X-API-Key: '),
    denied('a wrong bearer token', 'invalid_credentials', 'Authorization: Bearer wrong'),
    denied('an empty bearer token', 'invalid_credentials', 'Authorization: Bearer'),
    denied('another scheme', 'invalid_credentials', 'Authorization: Basic @key'),
    denied('X-API-Key with underscores is another header', 'missing_credentials', 'X_API_Key: @key'),
    denied('Proxy-Authorization is no credential', 'missing_credentials', 'Proxy-Authorization: Bearer @key'),
    {
      name: 'no credential, with the challenge',
      send: withHeaders(),
      client: problem(401, 'missing_credentials', 'WWW-Authenticate: Bearer realm="portal-gateway"'),
    },
    {
      name: 'a key in the query is no credential',
      send: head('GET /peer/@app/?api_key=@key&access_token=@key HTTP/1.1', 'Host: gw.test'),
      client: problem(401, 'missing_credentials'),
      h2: true,
    },
    {
      name: 'a key in a cookie is no credential',
      send: withHeaders('Cookie: X-API-Key=@key'),
      client: problem(401, 'missing_credentials'),
      h2: true,
    },
    ambiguous('X-API-Key twice', 'X-API-Key: @key', 'X-API-Key: @key'),
    {
      ...passes(
        'an X-API-Key of the app beside a bearer token that is a key',
        withHeaders('X-API-Key: wrong', 'Authorization: Bearer @key'),
        { line: 'GET /', headers: ['X-API-Key: wrong'], lacks: ['Authorization'] },
      ),
    },
    ambiguous('beside X-API-Key a key without a scheme', 'X-API-Key: @key', 'Authorization: @key'),
    ambiguous('two bearer tokens in one header', 'Authorization: Bearer other, Bearer @key'),
    ambiguous('two bearer tokens in one header, beside X-API-Key', 'X-API-Key: @key', 'Authorization: Bearer a,@key'),
    {
      ...passes('spaces and tabs around the token', withHeaders('Authorization: Bearer \t @key \t'), {
        line: 'GET /',
        lacks: ['Authorization'],
      }),
    },
    {
      name: 'a control character in Authorization',
      send: withHeaders('Authorization: Bearer @key\u0001'),
      client: refused(400, 'invalid_request'),
    },
    {
      name: 'Authorization of 64 KiB',
      send: withHeaders(`Authorization: Bearer ${'k'.repeat(65_536)}`),
      client: refused(431, 'headers_too_large'),
    },
    {
      name: 'Authorization twice',
      send: withHeaders('Authorization: Bearer @key', 'Authorization: Bearer other'),
      client: problem(400, 'invalid_request'),
    },
    {
      name: 'an unknown lease is not revealed to callers without a key',
      send: head('GET /peer/nobody/ HTTP/1.1', 'Host: gw.test'),
      client: problem(401, 'missing_credentials'),
      h2: true,
    },
    {
      name: 'a wrong key does not end the connection: the next request may have a valid one',
      send: withHeaders('X-API-Key: wrong') + get('/second'),
      app: app('GET /second'),
      client: {
        responses: [
          { status: 401, problem: 'invalid_credentials' },
          { status: 200, body: 'ok' },
        ],
        then: 'open',
      },
    },
  ],
};

/** auth.enabled: false. */
export const withoutAuth: Topic = {
  title: 'without authentication',
  setup: 'open',
  rows: [
    { name: 'no credential is required', send: withHeaders(), app: app('GET /'), client: receivesOk, h2: true },
    {
      ...passes('Authorization reaches the app', withHeaders('Authorization: Bearer app-token'), {
        line: 'GET /',
        headers: ['Authorization: Bearer app-token'],
      }),
      h2: true,
    },
    { ...passes('X-Gateway-* is removed', withHeaders('X-Gateway-Subject: forged'), 'GET /'), h2: true },
  ],
};
