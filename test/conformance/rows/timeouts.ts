// Timeouts (docs/errors.md): an app that does not respond, a body that stalls, a client that does
// not complete its request. Each limit is two seconds here.
import { app, chunk, get, head, problem, receives, refused, request } from '../phrases.ts';
import { untilClosed, wholeRequest, type Topic } from '../row.ts';

export const timeouts: Topic = {
  title: 'timeouts',
  setup: 'hasty',
  rows: [
    {
      name: 'an app that does not respond',
      send: get(),
      app: app('GET /', [wholeRequest, untilClosed], { tunnel: 'closed' }),
      client: problem(504, 'headers_timeout'),
    },
    {
      name: 'an app that does not end its head',
      send: get(),
      app: app('GET /', [wholeRequest, 'HTTP/1.1 200 OK\r\nX-App: leaked\r\n', untilClosed], { tunnel: 'closed' }),
      client: problem(504, 'headers_timeout'),
    },
    {
      name: 'an app that sends early hints and then does not respond',
      send: get(),
      app: app('GET /', [wholeRequest, head('HTTP/1.1 103 Early Hints', 'X-Hint: 1'), untilClosed], {
        tunnel: 'closed',
      }),
      client: {
        responses: [
          { status: 103, headers: ['X-Hint: 1'] },
          { status: 504, problem: 'headers_timeout' },
        ],
        then: 'open',
      },
    },
    {
      name: 'a stalled response is cut',
      send: get(),
      app: app(
        'GET /',
        [wholeRequest, head('HTTP/1.1 200 OK', 'Transfer-Encoding: chunked') + chunk('hello'), untilClosed],
        {
          tunnel: 'closed',
        },
      ),
      client: receives({ status: 200, body: 'hello', cut: true }, 'closed'),
    },
    {
      name: 'a stalled response with a length is cut',
      send: get(),
      app: app('GET /', [wholeRequest, `${head('HTTP/1.1 200 OK', 'Content-Length: 10')}hello`, untilClosed], {
        tunnel: 'closed',
      }),
      client: receives({ status: 200, body: 'hello', cut: true }, 'closed'),
    },
    {
      name: 'a client that does not end its head',
      send: 'GET /peer/@app/ HTTP/1.1\r\nHost: gw.test\r\nX-Slow: ',
      client: refused(408, 'request_timeout'),
    },
    {
      name: 'a client that does not end its request line',
      send: 'GET /peer/@app/',
      client: refused(408, 'request_timeout'),
    },
    {
      name: 'a client that pauses within its body',
      send: `${request('POST', '/', 'Content-Length: 10')}hello`,
      app: app({ line: 'POST /', whole: false }, [untilClosed], { tunnel: 'closed' }),
      client: refused(408, 'request_timeout'),
    },
    {
      name: 'a client that pauses within its chunks',
      send: request('POST', '/', 'Transfer-Encoding: chunked') + chunk('hello'),
      app: app({ line: 'POST /', whole: false }, [untilClosed], { tunnel: 'closed' }),
      client: refused(408, 'request_timeout'),
    },
  ],
};
