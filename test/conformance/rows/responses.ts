// App responses as clients must receive them: statuses, responses without content, HEAD, ranges
// (RFC 9110 §6.4, §14, §15).
import { response, responded, app, get, head, receives, receivesOk, request } from '../phrases.ts';
import type { ExpectedResponse, AppSide, Row, Topic } from '../row.ts';

function toHead(name: string, by: AppSide['responses'][number], expected: ExpectedResponse): Row {
  return {
    name,
    send: request('HEAD', '/'),
    app: app('HEAD /', by),
    client: receives({ framing: 'none', ...expected }),
    h2: true,
  };
}

const statuses: readonly Row[] = [
  '200 OK',
  '201 Created',
  '202 Accepted',
  '203 Non-Authoritative Information',
  '299 Custom',
  '301 Moved Permanently',
  '400 Bad Request',
  '401 Unauthorized',
  '404 Not Found',
  '418 I am a teapot',
  '429 Too Many Requests',
  '451 Unavailable For Legal Reasons',
  '500 Internal Server Error',
  '502 Bad Gateway',
  '503 Service Unavailable',
  '504 Gateway Timeout',
  '599 Custom',
].map((line): Row => ({
  ...responded(`the app’s own ${line}`, response(line, 'its body', 'X-App: 1'), {
    status: Number(line.slice(0, 3)),
    headers: ['X-App: 1'],
    body: 'its body',
    framing: 'length',
  }),
  h2: true,
}));

const bodiless: readonly Row[] = [
  {
    ...responded('204', head('HTTP/1.1 204 No Content', 'X-App: 1'), {
      status: 204,
      headers: ['X-App: 1'],
      framing: 'none',
    }),
    h2: true,
  },
  // RFC 9110 §8.6: a 204 has no Content-Length.
  {
    ...responded('204 with a length of nothing', head('HTTP/1.1 204 No Content', 'Content-Length: 0'), {
      status: 204,
      lacks: ['Content-Length'],
    }),
    h2: true,
  },
  {
    ...responded('304', head('HTTP/1.1 304 Not Modified', 'ETag: "x"'), {
      status: 304,
      headers: ['ETag: "x"'],
      framing: 'none',
    }),
    h2: true,
  },
  {
    ...responded(
      '304 with the length of the omitted body',
      head('HTTP/1.1 304 Not Modified', 'ETag: "x"', 'Content-Length: 1234'),
      {
        status: 304,
        headers: ['ETag: "x"'],
        added: ['Content-Length: 1234'],
      },
    ),
    h2: true,
  },
  {
    ...responded('205', head('HTTP/1.1 205 Reset Content', 'Content-Length: 0'), {
      status: 205,
      added: ['Content-Length: 0'],
    }),
    h2: true,
  },
  { ...responded('an empty body', response('200 OK', ''), { status: 200, framing: 'length' }), h2: true },
  {
    ...responded('an empty reason phrase', head('HTTP/1.1 200 ', 'Content-Length: 2') + 'ok', {
      status: 200,
      body: 'ok',
    }),
    h2: true,
  },
  {
    ...responded('no space after the status', head('HTTP/1.1 200', 'Content-Length: 2') + 'ok', {
      status: 200,
      body: 'ok',
    }),
    h2: true,
  },
  toHead('HEAD, with the length that GET would have', head('HTTP/1.1 200 OK', 'Content-Length: 1234', 'X-App: 1'), {
    status: 200,
    headers: ['X-App: 1'],
    added: ['Content-Length: 1234'],
  }),
  toHead('HEAD without a length', head('HTTP/1.1 200 OK', 'X-App: 1'), { status: 200, headers: ['X-App: 1'] }),
  toHead('HEAD where GET would be chunked', head('HTTP/1.1 200 OK', 'Transfer-Encoding: chunked'), { status: 200 }),
  toHead('HEAD of a missing resource', head('HTTP/1.1 404 Not Found', 'Content-Length: 9'), {
    status: 404,
    added: ['Content-Length: 9'],
  }),
  toHead('HEAD with trailers announced', head('HTTP/1.1 200 OK', 'Transfer-Encoding: chunked', 'Trailer: X-Sum'), {
    status: 200,
  }),
];

const ranges: readonly Row[] = [
  {
    name: 'range requests and responses pass unchanged',
    send: get('/', 'Range: bytes=1-3', 'If-Range: "x"'),
    app: app(
      { line: 'GET /', headers: ['Range: bytes=1-3', 'If-Range: "x"'] },
      response('206 Partial Content', 'bcd', 'Content-Range: bytes 1-3/26', 'Accept-Ranges: bytes'),
    ),
    client: receives({
      status: 206,
      headers: ['Content-Range: bytes 1-3/26', 'Accept-Ranges: bytes'],
      body: 'bcd',
      framing: 'length',
    }),
    h2: true,
  },
  {
    name: 'several ranges',
    send: get('/', 'Range: bytes=0-0,-1'),
    app: app(
      { line: 'GET /', headers: ['Range: bytes=0-0,-1'] },
      response('206 Partial Content', '--x\r\n\r\na\r\n--x--', 'Content-Type: multipart/byteranges; boundary=x'),
    ),
    client: receives({
      status: 206,
      headers: ['Content-Type: multipart/byteranges; boundary=x'],
      body: '--x\r\n\r\na\r\n--x--',
    }),
    h2: true,
  },
  {
    name: 'an unsatisfiable range',
    send: get('/', 'Range: bytes=99-'),
    app: app(
      { line: 'GET /', headers: ['Range: bytes=99-'] },
      response('416 Range Not Satisfiable', '', 'Content-Range: bytes */26'),
    ),
    client: receives({ status: 416, headers: ['Content-Range: bytes */26'] }),
    h2: true,
  },
  {
    name: 'a partial upload',
    send: request('PUT', '/', 'Content-Range: bytes 0-1/4', 'Content-Length: 2') + 'ab',
    app: app({ line: 'PUT /', headers: ['Content-Range: bytes 0-1/4'], body: 'ab' }),
    client: receivesOk,
    h2: true,
  },
];

export const responses: Topic = { title: 'response', rows: [...statuses, ...bodiless, ...ranges] };
