// Forwarding headers: the gateway sets them, and an untrusted client cannot. Every spelling is
// covered, since CGI and its successors do not distinguish `_` from `-`.
import { response, app, get, head, passes, receives, request } from '../phrases.ts';
import type { Row, Topic } from '../row.ts';

const gatewaysWord = [
  'Host: @app',
  'Via: 1.1 portal-gateway',
  'X-Forwarded-For: 127.0.0.1',
  'X-Forwarded-Host: gw.test',
  'X-Forwarded-Proto: http',
  'X-Forwarded-Prefix: /peer/@app',
  'Forwarded: for=127.0.0.1;host="gw.test";proto=http',
];

/** The client's lines do not reach the app; the gateway's values do. */
function replaced(name: string, ...lines: readonly string[]): Row {
  return {
    ...passes(name, get('/', ...lines), {
      line: 'GET /',
      added: gatewaysWord.filter((line) => !line.startsWith('Forwarded') && !line.startsWith('X-Forwarded-Proto')),
    }),
    h2: true,
  };
}

function removed(name: string): Row {
  return { ...passes(`${name} of a client`, get('/', `${name}: forged`), { line: 'GET /', lacks: [] }), h2: true };
}

const spellings: readonly string[] = [
  'X-Gateway-Key-Id',
  'X-Gateway-Subject',
  'X-Gateway-Tenant',
  'X-Gateway-Scopes',
  'X-Gateway-Assertion',
  'X-Gateway-Anything-Else',
  'x-gateway-subject',
  'X-GATEWAY-SUBJECT',
  'X_Gateway_Subject',
  'x_gateway_subject',
  'X-Gateway_Subject',
  'X_Gateway-Scopes',
  'X-Gateway-',
  'X_Forwarded_For',
  'x-forwarded_for',
  'X_FORWARDED_HOST',
  'X_Forwarded_Proto',
  'X_Forwarded_Prefix',
  'X_Request_Id',
  'X_Real_Ip',
  'X-Real-IP',
  'X-Forwarded-Port',
  'X-Forwarded-Server',
];

export const forwarded: Topic = {
  title: 'forwarded',
  rows: [
    passes('headers that the gateway adds', get(), { line: 'GET /', added: gatewaysWord }),
    replaced('X-Forwarded-For', 'X-Forwarded-For: forged', 'x-forwarded-for: forged'),
    replaced('X-Forwarded-Host', 'X-Forwarded-Host: forged'),
    replaced('X-Forwarded-Proto', 'X-Forwarded-Proto: forged'),
    replaced('X-Forwarded-Prefix', 'X-Forwarded-Prefix: /forged'),
    replaced('Forwarded', 'Forwarded: for=forged;host=forged', 'forwarded: for=forged'),
    replaced('X-Request-ID', 'X-Request-ID: forged', 'x-request-id: forged'),
    ...spellings.map(removed),
    {
      name: 'Via of the client is kept, and ours is added last',
      send: get('/', 'Via: 1.0 first, 2 second'),
      app: app({ line: 'GET /', added: ['Via: 1.0 first, 2 second, 1.1 portal-gateway'] }),
      client: receives({ status: 200, body: 'ok' }),
      h2: true,
    },
    {
      name: 'Via of an HTTP/1.0 client has its version',
      send: head('GET /peer/@app/ HTTP/1.0', 'Host: gw.test', 'X-API-Key: @key'),
      app: app({ line: 'GET /', added: ['Via: 1.0 portal-gateway'] }),
      client: receives({ status: 200, body: 'ok' }, 'closed'),
    },
    {
      name: 'Via of the app is kept, and ours is added last',
      send: get(),
      app: app('GET /', response('200 OK', 'ok', 'Via: 1.1 inner')),
      client: receives({ status: 200, body: 'ok', added: ['Via: 1.1 inner, 1.1 portal-gateway'] }),
      h2: true,
    },
    {
      name: 'X-Request-ID of the app does not reach the client',
      send: get(),
      app: app('GET /', response('200 OK', 'ok', 'X-Request-ID: leaked')),
      client: receives({ status: 200, body: 'ok' }),
      h2: true,
    },
    {
      ...passes('host_header of the lease applies', get(), {
        line: 'GET /',
        added: ['Host: app.internal:3000', 'X-Forwarded-Host: gw.test'],
      }),
      lease: { hostHeader: 'app.internal:3000' },
      h2: true,
    },
    {
      ...passes(
        'headers that the lease sets and removes',
        get('/', 'X-Old: 1', 'x-OLD: 2', 'X-Set: client', 'X-Kept: 3'),
        {
          line: 'GET /',
          headers: ['X-Kept: 3'],
          added: ['X-Set: lease'],
        },
      ),
      lease: {
        headers: {
          request: { set: { 'X-Set': 'lease' }, remove: ['X-Old'] },
          response: { set: {}, remove: [] },
        },
      },
      h2: true,
    },
    {
      name: 'headers of the response that the lease sets and removes',
      send: request('GET', '/'),
      app: app('GET /', response('200 OK', 'ok', 'Server: leaked', 'X-Kept: 1', 'x-frame-options: leaked')),
      client: receives({ status: 200, body: 'ok', headers: ['X-Kept: 1'], added: ['X-Frame-Options: DENY'] }),
      lease: {
        headers: {
          request: { set: {}, remove: [] },
          response: { set: { 'X-Frame-Options': 'DENY' }, remove: ['server'] },
        },
      },
      h2: true,
    },
  ],
};

/** The peer address of these connections is 127.0.0.1, a trusted proxy. */
export const trustedProxies: Topic = {
  title: 'trusted proxy',
  setup: 'trusting',
  rows: [
    passes('no headers: the proxy is the client', get(), { line: 'GET /', added: ['X-Forwarded-For: 127.0.0.1'] }),
    passes('the client named by the proxy', get('/', 'X-Forwarded-For: 203.0.113.7'), {
      line: 'GET /',
      added: ['X-Forwarded-For: 203.0.113.7, 127.0.0.1'],
    }),
    passes('the right-most untrusted address', get('/', 'X-Forwarded-For: 198.51.100.1, 203.0.113.7, 10.0.0.9'), {
      line: 'GET /',
      added: ['X-Forwarded-For: 203.0.113.7, 10.0.0.9, 127.0.0.1'],
    }),
    passes('an IPv6 client', get('/', 'X-Forwarded-For: 2001:db8::7, 2001:db8:aaaa::1'), {
      line: 'GET /',
      added: ['X-Forwarded-For: 2001:db8::7, 2001:db8:aaaa::1, 127.0.0.1'],
    }),
    passes('https, according to the proxy', get('/', 'X-Forwarded-Proto: https'), {
      line: 'GET /',
      added: ['X-Forwarded-Proto: https'],
    }),
    passes('the host, according to the proxy', get('/', 'X-Forwarded-Host: shop.example'), {
      line: 'GET /',
      added: ['X-Forwarded-Host: shop.example'],
    }),
    passes(
      'X-Gateway-* of a trusted proxy is dropped',
      get('/', 'X-Gateway-Subject: forged', 'x_gateway_scopes: forged'),
      'GET /',
    ),
  ],
};
