import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fieldValue } from '../http/field-value.ts';
import { errorTable, type ErrorCode } from './error-table.ts';
import { GatewayError } from './gateway-error.ts';
import { problemOf } from './problem.ts';
import { problemFormat, type ProblemFormat } from './problem-format.ts';

const context = { proxy: 'portal-gateway', requestId: 'r-1', errorsUrl: '/errors' } as const;
const codes = Object.keys(errorTable) as ErrorCode[];

describe('the format of a problem', () => {
  const cases: readonly (readonly [headers: readonly string[], target: string, is: ProblemFormat])[] = [
    [[], '/peer/app/', 'json'],
    [['Accept', 'text/html'], '/peer/app/', 'html'],
    [['Accept', 'text/html'], '/peer/app/v1/models', 'html'],
    [[], '/peer/app/v1/chat/completions', 'sdk'],
    [[], '/v1/messages?beta=true', 'sdk'],
    [[], '/v1', 'json'],
    [[], '/v12/messages', 'json'],
    [[], '/search?path=/v1/messages', 'json'],
    [['X-Stainless-Lang', 'js'], '/', 'sdk'],
    [['anthropic-version', '2023-06-01'], '/', 'sdk'],
    [['OpenAI-Organization', 'o'], '/', 'sdk'],
    [['X-OpenAI', 'o'], '/', 'json'],
    [['Content-Type', 'application/grpc'], '/pkg.Service/Method', 'grpc'],
    [['content-type', 'Application/gRPC+proto'], '/pkg.Service/Method', 'grpc'],
    [['Content-Type', 'application/grpc; charset=utf-8'], '/v1/x', 'grpc'],
    [['Content-Type', 'application/grpc-web-text'], '/', 'grpc'],
    [['Content-Type', 'application/grpcx'], '/', 'json'],
    [['Content-Type', 'application/json, application/grpc'], '/', 'json'],
    [['Content-Type', 'application/grpc', 'Accept', 'text/html'], '/', 'grpc'],
  ];
  for (const [headers, target, is] of cases) {
    it(`is ${is} for ${target} with ${headers.join(': ') || 'no headers'}`, () => {
      assert.equal(problemFormat(headers, target), is);
    });
  }
});

describe('a problem for an SDK', () => {
  const types: Readonly<Partial<Record<ErrorCode, string>>> = {
    invalid_request: 'invalid_request_error',
    missing_credentials: 'authentication_error',
    access_denied: 'permission_error',
    lease_not_found: 'not_found_error',
    body_too_large: 'request_too_large',
    rate_limited: 'rate_limit_error',
    internal_error: 'api_error',
    lease_unreachable: 'api_error',
    overloaded: 'overloaded_error',
    total_timeout: 'timeout_error',
  };
  for (const [code, type] of Object.entries(types) as [ErrorCode, string][]) {
    it(`has the type ${type} for ${code}, beside the members of every problem`, () => {
      const { status, body } = problemOf(new GatewayError(code, 'What happened.'), { ...context, target: '/v1/x' });
      const problem = JSON.parse(Buffer.from(body).toString()) as object;
      assert.deepEqual(problem, {
        ...{ type: `/errors#${code}`, title: errorTable[code].title, status, detail: 'What happened.', code },
        ...{ request_id: 'r-1', error: { message: 'What happened.', type, code } },
      });
    });
  }
});

describe('a problem for a gRPC client', () => {
  const received = ['Content-Type', 'application/grpc+proto'];

  it('has HTTP status 200 and a gRPC status for each code, and no body', () => {
    for (const code of codes) {
      const { status, headers, body } = problemOf(new GatewayError(code, 'x'), { ...context, received });
      assert.deepEqual([status, body.length, fieldValue(headers, 'content-length')], [200, 0, '0'], code);
      assert.equal(fieldValue(headers, 'content-type'), 'application/grpc+proto', code);
      assert.match(fieldValue(headers, 'grpc-status') ?? '', /^(?:[1-9]|1[0-6])$/, code);
    }
  });

  const messages: readonly (readonly [detail: string, message: string])[] = [
    ['plain ~ text', 'plain ~ text'],
    ['100%', '100%25'],
    ['ü\r\n\u007f\u0000', '%C3%BC%0D%0A%7F%00'],
  ];
  for (const [detail, message] of messages) {
    it(`encodes ${JSON.stringify(detail)}`, () => {
      const { headers } = problemOf(new GatewayError('no_relay', detail), { ...context, received });
      assert.equal(fieldValue(headers, 'grpc-message'), message);
      assert.equal(decodeURIComponent(message), detail);
    });
  }

  it('keeps Retry-After, the challenge and Proxy-Status', () => {
    const error = new GatewayError('no_relay', 'x', { retryAfterSeconds: 3, headers: ['X-More', 'y'] });
    const { headers } = problemOf(error, { ...context, received });
    assert.deepEqual(headers.slice(-6), [
      ...['Proxy-Status', 'portal-gateway; error=destination_unavailable; details="no_relay"'],
      ...['Retry-After', '3', 'X-More', 'y'],
    ]);
  });
});

describe('the page of a problem', () => {
  const page = (code: ErrorCode, detail: string): string =>
    Buffer.from(
      problemOf(new GatewayError(code, detail), { ...context, received: ['Accept', 'text/html'] }).body,
    ).toString();

  for (const code of codes) {
    it(`says what to do about ${code}, without Markdown`, () => {
      const text = page(code, 'Send `X-Gateway-Key`.');
      assert.match(text, /<p>Send <code>X-Gateway-Key<\/code>\.<\/p>\n<p><b>What to do\.<\/b> \w/);
      assert.doesNotMatch(text, /`|\]\(/);
    });
  }

  it('escapes what a client sent, inside and outside of code', () => {
    const text = page('access_denied', '<i>`<script>`</i> & "x"');
    assert.match(text, /<p>&lt;i&gt;<code>&lt;script&gt;<\/code>&lt;\/i&gt; &amp; &quot;x&quot;<\/p>/);
  });
});
