// The credential (contract §2, §5): found, checked, and kept from the app; whatever else the client calls itself by is the app's.
import { app, get, head, passes, problem, receivesOk } from '../phrases.ts';
import type { Row, Topic } from '../row.ts';

function withHeaders(...lines: readonly string[]): string {
  return head('GET /peer/@app/ HTTP/1.1', 'Host: gw.test', ...lines);
}

function denied(name: string, code: string, ...lines: readonly string[]): Row {
  return { name, send: withHeaders(...lines), client: problem(401, code), h2: true };
}

export const credentials: Topic = {
  title: 'credentials',
  rows: [
    {
      ...passes('X-API-Key is kept from the app', withHeaders('X-API-Key: @key'), {
        line: 'GET /',
        lacks: ['X-API-Key'],
      }),
      h2: true,
    },
    {
      ...passes('X-API-Key in other case', withHeaders('x-Api-kEY: @key'), { line: 'GET /', lacks: ['X-API-Key'] }),
      h2: true,
    },
    {
      ...passes('a bearer token is kept from the app', withHeaders('Authorization: Bearer @key'), {
        line: 'GET /',
        lacks: ['Authorization'],
      }),
      h2: true,
    },
    {
      ...passes('the scheme in other case', withHeaders('authorization: bEARER @key'), {
        line: 'GET /',
        lacks: ['Authorization'],
      }),
      h2: true,
    },
    {
      ...passes(
        'beside X-API-Key, Authorization is the app’s',
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
        'beside X-API-Key, Authorization of any scheme is the app’s',
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
        'cookies and the query are the app’s',
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
    denied('a scheme that is not ours', 'invalid_credentials', 'Authorization: Basic @key'),
    denied('X-API-Key with underscores is another header', 'missing_credentials', 'X_API_Key: @key'),
    denied('Proxy-Authorization is none', 'missing_credentials', 'Proxy-Authorization: Bearer @key'),
    {
      name: 'none, with the challenge',
      send: withHeaders(),
      client: problem(401, 'missing_credentials', 'WWW-Authenticate: Bearer realm="portal-gateway"'),
    },
    {
      name: 'the key in the query is none',
      send: head('GET /peer/@app/?api_key=@key&access_token=@key HTTP/1.1', 'Host: gw.test'),
      client: problem(401, 'missing_credentials'),
      h2: true,
    },
    {
      name: 'the key as a cookie is none',
      send: withHeaders('Cookie: X-API-Key=@key'),
      client: problem(401, 'missing_credentials'),
      h2: true,
    },
    {
      name: 'X-API-Key twice',
      send: withHeaders('X-API-Key: @key', 'X-API-Key: @key'),
      client: problem(400, 'invalid_request'),
      h2: true,
    },
    {
      name: 'X-API-Key, good or not, beside a bearer token that is a key too',
      send: withHeaders('X-API-Key: wrong', 'Authorization: Bearer @key'),
      client: problem(400, 'invalid_request'),
      h2: true,
    },
    {
      name: 'Authorization twice',
      send: withHeaders('Authorization: Bearer @key', 'Authorization: Bearer other'),
      client: problem(400, 'invalid_request'),
    },
    {
      name: 'an unknown lease is not told to those without a key',
      send: head('GET /peer/nobody/ HTTP/1.1', 'Host: gw.test'),
      client: problem(401, 'missing_credentials'),
      h2: true,
    },
    {
      name: 'a wrong key does not end the connection: the next request may bring a good one',
      send: withHeaders('X-API-Key: wrong') + get('/second'),
      app: app('GET /second'),
      client: {
        answers: [
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
    { name: 'nobody is asked', send: withHeaders(), app: app('GET /'), client: receivesOk, h2: true },
    {
      ...passes('Authorization is the app’s', withHeaders('Authorization: Bearer app-token'), {
        line: 'GET /',
        headers: ['Authorization: Bearer app-token'],
      }),
      h2: true,
    },
    { ...passes('X-Gateway-* is removed all the same', withHeaders('X-Gateway-Subject: forged'), 'GET /'), h2: true },
  ],
};
