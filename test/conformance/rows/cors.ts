// Cross-origin requests (Fetch standard §3.2): handled before authentication, since preflights
// carry no credential. Without CORS settings, OPTIONS is forwarded like any other method.
import type { CorsPolicy } from '../../../src/policy/policy.ts';
import { response, app, get, head, passes, problem, receives, request } from '../phrases.ts';
import type { ExpectedResponse, Row, Topic } from '../row.ts';

const cors: CorsPolicy = {
  enabled: true,
  origins: ['https://a.test', 'http://localhost:3000'],
  methods: ['PUT', 'DELETE'],
  headers: ['X-Custom', 'Authorization'],
  credentials: true,
  maxAgeMs: 600_000,
};
const anyone: CorsPolicy = { ...cors, origins: ['*'], credentials: false };

/** The gateway's own response headers that a page may read. */
const readable =
  'Access-Control-Expose-Headers: X-Request-ID, Retry-After, RateLimit, RateLimit-Policy, Proxy-Status, WWW-Authenticate, grpc-status, grpc-message';

function preflight(origin: string, method: string, ...more: readonly string[]): string {
  return head(
    'OPTIONS /peer/@app/x HTTP/1.1',
    'Host: gw.test',
    `Origin: ${origin}`,
    `Access-Control-Request-Method: ${method}`,
    ...more,
  );
}

const silent = [
  'Access-Control-Allow-Origin',
  'Access-Control-Allow-Credentials',
  'Access-Control-Allow-Methods',
  'Access-Control-Allow-Headers',
];

/** The browser denies access, because no header allows it. */
const notAllowed: ExpectedResponse = { status: 204, own: true, lacks: silent };

function marked(name: string, send: string, headers: readonly string[], policy: CorsPolicy, by?: string): Row {
  return {
    name,
    send,
    app: app({ line: 'GET /', headers: ['Origin: https://a.test'] }, by ?? response('200 OK', 'ok')),
    client: receives({ status: 200, body: 'ok', added: [...headers, readable] }),
    lease: { cors: policy },
    h2: true,
  };
}

export const crossOrigin: Topic = {
  title: 'CORS',
  rows: [
    {
      name: 'a preflight gets a response without a key, and does not reach the app',
      send: preflight('https://a.test', 'PUT', 'Access-Control-Request-Headers: x-custom'),
      client: receives({
        status: 204,
        own: true,
        added: [
          'Access-Control-Allow-Origin: https://a.test',
          'Access-Control-Allow-Credentials: true',
          'Access-Control-Max-Age: 600',
        ],
      }),
      lease: { cors },
      h2: true,
    },
    {
      name: 'a preflight for a second origin',
      send: preflight('http://localhost:3000', 'DELETE'),
      client: receives({ status: 204, own: true, added: ['Access-Control-Allow-Origin: http://localhost:3000'] }),
      lease: { cors },
      h2: true,
    },
    {
      name: 'a preflight for a method that needs no permission',
      send: preflight('https://a.test', 'POST', 'Access-Control-Request-Headers: authorization,x-custom'),
      client: receives({ status: 204, own: true, added: ['Access-Control-Allow-Origin: https://a.test'] }),
      lease: { cors },
      h2: true,
    },
    {
      name: 'a preflight from a disallowed origin',
      send: preflight('https://evil.test', 'PUT'),
      client: receives(notAllowed),
      lease: { cors },
      h2: true,
    },
    {
      name: 'a preflight from an origin with an allowed suffix',
      send: preflight('https://evil-a.test', 'PUT'),
      client: receives(notAllowed),
      lease: { cors },
    },
    {
      name: 'a preflight from an origin with an allowed prefix',
      send: preflight('https://a.test.evil.test', 'PUT'),
      client: receives(notAllowed),
      lease: { cors },
    },
    {
      name: 'a preflight from another scheme',
      send: preflight('http://a.test', 'PUT'),
      client: receives(notAllowed),
      lease: { cors },
    },
    {
      name: 'a preflight from another port',
      send: preflight('https://a.test:8443', 'PUT'),
      client: receives(notAllowed),
      lease: { cors },
    },
    {
      name: 'a preflight from the null origin',
      send: preflight('null', 'PUT'),
      client: receives(notAllowed),
      lease: { cors },
    },
    {
      name: 'a preflight for a lease open to every origin',
      send: preflight('https://whoever.test', 'PUT'),
      client: receives({
        status: 204,
        own: true,
        added: ['Access-Control-Allow-Origin: *'],
        lacks: ['Access-Control-Allow-Credentials'],
      }),
      lease: { cors: anyone },
      h2: true,
    },
    {
      name: 'a preflight by host',
      send: head(
        'OPTIONS /x HTTP/1.1',
        'Host: @app.peers.test',
        'Origin: https://a.test',
        'Access-Control-Request-Method: PUT',
      ),
      client: receives({ status: 204, own: true, added: ['Access-Control-Allow-Origin: https://a.test'] }),
      lease: { cors },
    },
    marked(
      'a response gets CORS headers for its origin',
      get('/', 'Origin: https://a.test'),
      ['Access-Control-Allow-Origin: https://a.test', 'Access-Control-Allow-Credentials: true', 'Vary: Origin'],
      cors,
    ),
    marked(
      'a response gets CORS headers for every origin',
      get('/', 'Origin: https://a.test'),
      ['Access-Control-Allow-Origin: *'],
      anyone,
    ),
    marked(
      'CORS headers of the app are replaced, once',
      get('/', 'Origin: https://a.test'),
      ['Access-Control-Allow-Origin: https://a.test', 'Access-Control-Allow-Credentials: true', 'Vary: Origin'],
      cors,
      response('200 OK', 'ok', 'Access-Control-Allow-Origin: https://leaked.test'),
    ),
    {
      name: 'Vary of the app is kept, and ours is added',
      send: get('/', 'Origin: https://a.test'),
      app: app({ line: 'GET /', headers: ['Origin: https://a.test'] }, response('200 OK', 'ok', 'Vary: Accept')),
      client: receives({
        status: 200,
        body: 'ok',
        added: [
          'Vary: Accept, Origin',
          'Access-Control-Allow-Origin: https://a.test',
          'Access-Control-Allow-Credentials: true',
          readable,
        ],
      }),
      lease: { cors },
      h2: true,
    },
    {
      name: 'a response to a disallowed origin gets no CORS headers',
      send: get('/', 'Origin: https://evil.test'),
      app: app({ line: 'GET /', headers: ['Origin: https://evil.test'] }),
      client: receives({ status: 200, body: 'ok', added: ['Vary: Origin'], lacks: silent }),
      lease: { cors },
      h2: true,
    },
    {
      name: 'a response without an origin gets only Vary',
      send: get('/'),
      app: app('GET /'),
      client: receives({ status: 200, body: 'ok', added: ['Vary: Origin'], lacks: silent }),
      lease: { cors },
      h2: true,
    },
    {
      name: 'an error response also gets CORS headers, so that a page can read it',
      send: head('GET /peer/@app/ HTTP/1.1', 'Host: gw.test', 'Origin: https://a.test'),
      client: problem(401, 'missing_credentials', 'Access-Control-Allow-Origin: https://a.test'),
      lease: { cors },
      h2: true,
    },
    {
      name: 'OPTIONS that is not a preflight reaches the app, with its key',
      send: request('OPTIONS', '/', 'Origin: https://a.test'),
      app: app({ line: 'OPTIONS /', headers: ['Origin: https://a.test'] }, response('200 OK', '', 'Allow: GET')),
      client: receives({
        status: 200,
        headers: ['Allow: GET'],
        added: [
          'Access-Control-Allow-Origin: https://a.test',
          'Vary: Origin',
          'Access-Control-Allow-Credentials: true',
          readable,
        ],
      }),
      lease: { cors },
    },
    {
      name: 'without the setting a preflight needs a key',
      send: preflight('https://a.test', 'PUT'),
      client: problem(401, 'missing_credentials'),
      h2: true,
    },
    {
      ...passes(
        'without the setting a preflight reaches the app',
        request('OPTIONS', '/', 'Origin: https://a.test', 'Access-Control-Request-Method: PUT'),
        {
          line: 'OPTIONS /',
          headers: ['Origin: https://a.test', 'Access-Control-Request-Method: PUT'],
        },
      ),
      h2: true,
    },
    {
      name: 'without the setting the app sets CORS headers',
      send: get('/', 'Origin: https://a.test'),
      app: app(
        { line: 'GET /', headers: ['Origin: https://a.test'] },
        response('200 OK', 'ok', 'Access-Control-Allow-Origin: *', 'Vary: Origin'),
      ),
      client: receives({ status: 200, headers: ['Access-Control-Allow-Origin: *', 'Vary: Origin'], body: 'ok' }),
      h2: true,
    },
  ],
};
