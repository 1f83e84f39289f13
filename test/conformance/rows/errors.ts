// Responses that the gateway itself generates (docs/errors.md): a problem document for programs, a
// page for browsers, neither revealing more than the caller may know. harness/check-client.ts
// checks the rules for every problem, in every row that expects one.
import { app, get, head, post, problem, receives, refused, request } from '../phrases.ts';
import { end, wholeRequest, type Row, type Topic } from '../row.ts';

const browser = 'Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8';

function unknown(...lines: readonly string[]): string {
  return head('GET /peer/nobody/ HTTP/1.1', 'Host: gw.test', 'X-API-Key: @key', ...lines);
}

function page(name: string, send: string, status: number): Row {
  return {
    name,
    send,
    client: receives({
      status,
      own: true,
      added: ['Content-Type: text/html; charset=utf-8'],
      holds: '<!doctype html>',
    }),
    h2: true,
  };
}

function asProgram(name: string, accept: string): Row {
  return {
    name,
    send: unknown(accept),
    client: problem(404, 'lease_not_found', 'Content-Type: application/problem+json'),
    h2: true,
  };
}

export const errors: Topic = {
  title: 'errors',
  rows: [
    {
      name: 'an unknown lease',
      send: unknown(),
      client: problem(404, 'lease_not_found', 'Cache-Control: no-store'),
      h2: true,
    },
    page('a browser gets a page', unknown(browser), 404),
    page('a browser gets a page for 401 too', head('GET /peer/@app/ HTTP/1.1', 'Host: gw.test', browser), 401),
    page('only text/html gets a page', unknown('Accept: text/html'), 404),
    asProgram('`*/*` gets JSON', 'Accept: */*'),
    asProgram('application/json gets JSON', 'Accept: application/json'),
    asProgram('a client that accepts HTML as a last resort', 'Accept: application/problem+json, text/html;q=0.1'),
    asProgram('a client that never accepts HTML', 'Accept: text/html;q=0, application/json'),
    asProgram('no Accept gets JSON', 'Accept: '),
    {
      name: 'HEAD gets the head of a problem',
      send: head('HEAD /peer/nobody/ HTTP/1.1', 'Host: gw.test', 'X-API-Key: @key'),
      client: receives({
        status: 404,
        problem: 'lease_not_found',
        framing: 'none',
        added: ['Content-Type: application/problem+json'],
      }),
      h2: true,
    },
    {
      name: 'a problem does not show client input',
      send: head('GET /leaked?leaked HTTP/1.1', 'Host: leaked.test', 'Accept: text/html', 'X-Leaked: leaked'),
      client: receives({ status: 404, own: true, holds: '<!doctype html>' }),
      h2: true,
    },
    {
      name: 'a problem does not show the key',
      send: head('GET /peer/@app/ HTTP/1.1', 'Host: gw.test', 'X-API-Key: leaked'),
      client: problem(401, 'invalid_credentials'),
      h2: true,
    },
    {
      name: 'an app that closes without a response',
      send: get(),
      app: app('GET /', [wholeRequest, end], { tunnel: 'closed' }),
      client: problem(502, 'tunnel_failed'),
      h2: true,
    },
    {
      name: 'health accepts only GET and HEAD',
      send: head('POST /health/live HTTP/1.1', 'Host: gw.test', 'Content-Length: 0'),
      client: problem(405, 'method_not_allowed', 'Allow: GET, HEAD'),
      h2: true,
    },
    {
      name: 'health by HEAD',
      send: head('HEAD /health HTTP/1.1', 'Host: gw.test'),
      client: receives({ status: 200, own: true, framing: 'none', added: ['Content-Type: application/json'] }),
      h2: true,
    },
    {
      name: 'health',
      send: head('GET /health HTTP/1.1', 'Host: gw.test'),
      client: receives({ status: 200, own: true, holds: '"healthy"', added: ['Cache-Control: no-store'] }),
      h2: true,
    },
    {
      name: 'readiness, with a query',
      send: head('GET /health/ready?x=1 HTTP/1.1', 'Host: gw.test'),
      client: receives({ status: 200, own: true, holds: '"ready"' }),
      h2: true,
    },
    {
      name: 'a path that only begins like health',
      send: head('GET /healthy HTTP/1.1', 'Host: gw.test'),
      client: problem(404, 'not_found'),
      h2: true,
    },
  ],
};

export const bodyLimit: Topic = {
  title: 'body limit',
  setup: 'tight',
  rows: [
    {
      name: 'a body of exactly the limit',
      send: post('0123456789'),
      app: app({ line: 'POST /', body: '0123456789' }),
      client: receives({ status: 200, body: 'ok' }),
      h2: true,
    },
    {
      name: 'a length beyond it is rejected before the body is read',
      send: request('POST', '/', 'Content-Length: 11'),
      client: refused(413, 'body_too_large'),
    },
    {
      name: 'a length far beyond it',
      send: request('POST', '/', 'Content-Length: 9007199254740991'),
      client: refused(413, 'body_too_large'),
    },
    {
      name: 'a client that waits for 100 is rejected before it sends',
      send: request('POST', '/', 'Expect: 100-continue', 'Content-Length: 11'),
      client: refused(413, 'body_too_large'),
    },
    {
      name: 'chunks that grow beyond it are cut off',
      send: [
        `${request('POST', '/', 'Transfer-Encoding: chunked')}5\r\n01234\r\n`,
        { peerReceived: '01234' },
        '6\r\n567890\r\n',
      ],
      app: app({ line: 'POST /', whole: false }, [{ wait: 'closed' }], { tunnel: 'closed' }),
      client: refused(413, 'body_too_large'),
    },
    {
      name: 'chunks of exactly the limit',
      send: `${request('POST', '/', 'Transfer-Encoding: chunked')}a\r\n0123456789\r\n0\r\n\r\n`,
      app: app({ line: 'POST /', body: '0123456789' }),
      client: receives({ status: 200, body: 'ok' }),
    },
  ],
};
