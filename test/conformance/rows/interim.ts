// Interim responses (RFC 9110 §15.2) and Expect: 100-continue (RFC 9110 §10.1.1), end to end: the
// app decides whether the client should send the body.
import { response, app, head, ok, post, receives, refused, request, get } from '../phrases.ts';
import { untilClosed, wholeRequest, type Topic } from '../row.ts';

const expecting = request('POST', '/', 'Expect: 100-continue', 'Content-Length: 5');
const goOn = 'HTTP/1.1 100 Continue\r\n\r\n';
const hints = head('HTTP/1.1 103 Early Hints', 'Link: </a.css>; rel=preload', 'X-Hint: 1');

export const interim: Topic = {
  title: 'interim responses',
  rows: [
    {
      name: 'the expectation reaches the app, and the body follows its 100',
      send: [expecting, { received: '100 Continue' }, 'hello'],
      app: app({ line: 'POST /', headers: ['Expect: 100-continue'], body: 'hello' }, [goOn, wholeRequest, ok]),
      client: { responses: [{ status: 100 }, { status: 200, body: 'ok' }], then: 'open' },
    },
    {
      name: 'in any case',
      send: [
        request('POST', '/', 'expect: 100-Continue', 'Transfer-Encoding: chunked'),
        { received: '100 Continue' },
        '5\r\nhello\r\n0\r\n\r\n',
      ],
      app: app({ line: 'POST /', headers: ['expect: 100-Continue'], body: 'hello' }, [goOn, wholeRequest, ok]),
      client: { responses: [{ status: 100 }, { status: 200, body: 'ok' }], then: 'open' },
    },
    {
      name: 'a rejection by the app is forwarded, and no body is sent to it',
      send: [expecting, { received: 'too big' }],
      app: app(
        { line: 'POST /', headers: ['Expect: 100-continue'], whole: false },
        [response('413 Content Too Large', 'too big'), untilClosed],
        {
          tunnel: 'closed',
        },
      ),
      client: receives({ status: 413, body: 'too big' }, 'closed'),
    },
    {
      name: 'a final response without a 100 is forwarded',
      send: [expecting, { received: 'early' }],
      app: app(
        { line: 'POST /', headers: ['Expect: 100-continue'], whole: false },
        [response('200 OK', 'early'), untilClosed],
        {
          tunnel: 'closed',
        },
      ),
      client: receives({ status: 200, body: 'early' }, 'closed'),
    },
    {
      name: 'a client that does not wait',
      send: expecting + 'hello',
      app: app({ line: 'POST /', headers: ['Expect: 100-continue'], body: 'hello' }, [goOn, wholeRequest, ok]),
      client: { responses: [{ status: 100 }, { status: 200, body: 'ok' }], then: 'open' },
    },
    {
      name: 'another expectation',
      send: request('GET', '/', 'Expect: tea'),
      client: receives({ status: 417, problem: 'expectation_failed' }, 'either'),
    },
    {
      name: 'another expectation beside the known one',
      send: request('POST', '/', 'Expect: 100-continue, tea', 'Content-Length: 5'),
      client: refused(417, 'expectation_failed'),
    },
    {
      // RFC 9110 §10.1.1: the expectation of an HTTP/1.0 client is ignored.
      name: 'the expectation of an HTTP/1.0 client is ignored',
      send: head('POST /peer/@app/ HTTP/1.0', 'X-API-Key: @key', 'Expect: 100-continue', 'Content-Length: 5') + 'hello',
      app: app({ line: 'POST /', body: 'hello' }),
      client: receives({ status: 200, body: 'ok' }, 'closed'),
    },
    {
      name: 'without a key the client is rejected before it sends its body',
      send: [
        head('POST /peer/@app/ HTTP/1.1', 'Host: gw.test', 'Expect: 100-continue', 'Content-Length: 1000000'),
        { received: '401' },
      ],
      client: refused(401, 'missing_credentials'),
    },
    {
      name: 'early hints',
      send: get(),
      app: app('GET /', hints + ok),
      client: {
        responses: [
          { status: 103, headers: ['Link: </a.css>; rel=preload', 'X-Hint: 1'] },
          { status: 200, body: 'ok' },
        ],
        then: 'open',
      },
      h2: true,
    },
    {
      name: 'early hints arrive before the response',
      send: [get(), { received: '103 Early Hints' }],
      app: app('GET /', [wholeRequest, hints, { peerReceived: 'X-Hint: 1' }, ok]),
      client: {
        responses: [
          { status: 103, headers: ['Link: </a.css>; rel=preload', 'X-Hint: 1'] },
          { status: 200, body: 'ok' },
        ],
        then: 'open',
      },
    },
    {
      name: 'several interim responses',
      send: get(),
      app: app('GET /', `HTTP/1.1 102 Processing\r\n\r\n${hints}HTTP/1.1 199 Misc\r\nX-Misc: 1\r\n\r\n${ok}`),
      client: {
        responses: [
          { status: 102 },
          { status: 103, headers: ['Link: </a.css>; rel=preload', 'X-Hint: 1'] },
          { status: 199, headers: ['X-Misc: 1'] },
          { status: 200, body: 'ok' },
        ],
        then: 'open',
      },
    },
    {
      name: 'connection-specific headers of interim responses are dropped too',
      send: get(),
      app: app('GET /', `HTTP/1.1 103 Early Hints\r\nConnection: X-Leak\r\nX-Leak: leaked\r\nX-Hint: 1\r\n\r\n${ok}`),
      client: {
        responses: [
          { status: 103, headers: ['X-Hint: 1'] },
          { status: 200, body: 'ok' },
        ],
        then: 'open',
      },
    },
    {
      name: 'early hints within an upload',
      send: [
        request('POST', '/', 'Transfer-Encoding: chunked'),
        { received: '103 Early Hints' },
        '2\r\nab\r\n0\r\n\r\n',
      ],
      app: app({ line: 'POST /', body: 'ab' }, [hints, wholeRequest, ok]),
      client: {
        responses: [
          { status: 103, headers: ['Link: </a.css>; rel=preload', 'X-Hint: 1'] },
          { status: 200, body: 'ok' },
        ],
        then: 'open',
      },
    },
    {
      name: 'an unexpected 100 is forwarded too',
      send: post('hello'),
      app: app({ line: 'POST /', body: 'hello' }, goOn + ok),
      client: { responses: [{ status: 100 }, { status: 200, body: 'ok' }], then: 'open' },
    },
    {
      name: 'an HTTP/1.0 client gets no interim response',
      send: head('GET /peer/@app/ HTTP/1.0', 'X-API-Key: @key'),
      app: app('GET /', hints + ok),
      client: receives({ status: 200, body: 'ok' }, 'closed'),
    },
  ],
};
