import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { GatewayError } from '../../kernel/errors/gateway-error.ts';
import { requestFinished, requestRefused, type RequestFinished } from '../../kernel/events.ts';
import { writeAccessLog, type AccessLevel } from './access-log.ts';

type Line = Record<string, unknown>;

interface Bench {
  readonly raw: string[];
  readonly faults: string[];
  readonly line: (event?: Partial<RequestFinished>) => Line;
}

function bench(t: TestContext, enabled: (level: AccessLevel) => boolean = () => true): Bench {
  const raw: string[] = [];
  const faults: string[] = [];
  const end = writeAccessLog({
    enabled,
    write: (line) => raw.push(line),
    fault: (id, cause) => faults.push(`${id} ${String(cause)}`),
    now: () => '2026-01-02T03:04:05.678Z',
  });
  t.after(end);
  return {
    raw,
    faults,
    line: (event) => {
      requestFinished.publish({ ...complete, ...event });
      return JSON.parse(raw.at(-1) ?? '{}') as Line;
    },
  };
}

const complete: RequestFinished = {
  requestId: 'r-1',
  startedMs: 1,
  durationMs: 12.3456789,
  headMs: 10,
  upstreamMs: 8,
  method: 'GET',
  path: '/peer/app/a%20b',
  route: '/peer/:lease/*',
  httpVersion: '1.1',
  clientIp: '192.0.2.1',
  userAgent: 'curl/8',
  keyId: 'frontend',
  leaseId: 'ABCDEFGHIJKLMNOPQRSTUVWXYZ',
  relay: 'wss://relay.test/relay',
  status: 200,
  bytesReceived: 5,
  bytesSent: 1_000,
  stream: undefined,
  outcome: 'complete',
  error: undefined,
};

test('a request is one line with the fields of the product contract', (t) => {
  assert.deepEqual(bench(t).line(), {
    level: 'info',
    timestamp: '2026-01-02T03:04:05.678Z',
    request_id: 'r-1',
    method: 'GET',
    path: '/peer/app/a%20b',
    status: 200,
    duration_ms: 12.346,
    bytes_sent: 1000,
    bytes_received: 5,
    lease_id: 'ABCDEFGHIJKLMNOPQRSTUVWXYZ',
    relay: 'wss://relay.test/relay',
    key_id: 'frontend',
    client_ip: '192.0.2.1',
    user_agent: 'curl/8',
    message: 'request',
  });
});

test('omits unknown fields', (t) => {
  const error = new GatewayError('missing_credentials', 'x');
  const unknown = {
    keyId: undefined,
    leaseId: undefined,
    relay: undefined,
    userAgent: undefined,
    bytesSent: undefined,
  };
  const line = bench(t).line({ ...unknown, status: 401, error });
  for (const field of ['key_id', 'lease_id', 'relay', 'user_agent', 'bytes_sent', 'trace_id', 'tenant', 'cache'])
    assert.equal(field in line, false, field);
  assert.deepEqual([line['status'], line['error_code'], line['level']], [401, 'missing_credentials', 'info']);
});

test('the level shows who caused the error', (t) => {
  const { line, faults } = bench(t);
  const internal = new GatewayError('internal_error', 'x', { cause: new TypeError('bug') });
  const cut = new GatewayError('tunnel_failed', 'x');
  assert.equal(line({ status: 404 })['level'], 'info');
  assert.equal(line({ status: 503 })['level'], 'warn');
  assert.equal(line({ outcome: 'cut', error: cut })['level'], 'warn');
  assert.equal(line({ status: 499, outcome: 'client_closed' })['level'], 'info');
  assert.equal(line({ status: 500, error: internal })['level'], 'error');
  assert.equal(line({ status: 503, route: '/health' })['level'], 'debug');
  assert.deepEqual(faults, ['r-1 TypeError: bug']);
});

test('logs the code of the innermost cause of an error', (t) => {
  const deep = Object.assign(new Error('secret text of an app'), { code: 'handshake_signature' });
  const cause = Object.assign(new Error('outer', { cause: deep }), { code: 'UND_ERR_SOCKET' });
  const { line, raw } = bench(t);
  assert.equal(
    line({ status: 502, error: new GatewayError('tunnel_failed', 'x', { cause }) })['reason'],
    'handshake_signature',
  );
  assert.ok(!raw.join().includes('secret'));
  const endless = new Error('loop');
  endless.cause = endless;
  assert.equal('reason' in line({ error: new GatewayError('tunnel_failed', 'x', { cause: endless }) }), false);
});

test('logs a stream and how it ended', (t) => {
  const { line } = bench(t);
  assert.deepEqual(
    [line({ stream: 'sse', outcome: 'client_closed' })].map(({ stream, outcome }) => [stream, outcome]),
    [['sse', 'client_closed']],
  );
});

test('does not log a misplaced key', (t) => {
  const key = 'sk_test_0123456789abcdefABCDEFGHIJKLMNOPQRSTUVWXYZ29cxxo';
  const { line, raw } = bench(t);
  const loggable = line({ path: `/peer/app/${key}/x`, userAgent: `agent ${key}` });
  assert.ok(!raw.join().includes('0123456789abcdef'));
  assert.deepEqual([loggable['path'], loggable['user_agent']], ['/peer/app/sk_test_***/x', 'agent sk_test_***']);
});

test('a line stays a single line: bounded, escaped, UTF-8', (t) => {
  const { line, raw } = bench(t);
  const utf8 = Buffer.from('한글').toString('latin1');
  const loggable = line({
    path: `/${'a'.repeat(100_000)}`,
    userAgent: `"\\\u007f\u0085${'b'.repeat(10_000)}`,
    method: 'M'.repeat(99),
  });
  assert.equal(String(loggable['path']).length, 2_051);
  assert.equal(String(loggable['user_agent']).length, 515);
  assert.equal(String(loggable['method']).length, 35);
  assert.match(raw[0] ?? '', /^[\x20-\x7e\ufffd]+$/);
  assert.equal(line({ path: `/peer/${utf8}` })['path'], '/peer/한글');
});

test('logs requests that never entered the pipeline', (t) => {
  const { raw } = bench(t);
  const error = new GatewayError('headers_too_large', 'x');
  requestRefused.publish({ requestId: 'r-2', clientIp: '192.0.2.1', error });
  requestRefused.publish({ requestId: 'r-3', clientIp: '192.0.2.1', error, method: 'GET', path: '/x' });
  assert.deepEqual(
    raw.map((line) => JSON.parse(line) as Line),
    [
      {
        level: 'info',
        timestamp: '2026-01-02T03:04:05.678Z',
        request_id: 'r-2',
        status: 431,
        client_ip: '192.0.2.1',
        error_code: 'headers_too_large',
        message: 'request refused',
      },
      {
        level: 'info',
        timestamp: '2026-01-02T03:04:05.678Z',
        request_id: 'r-3',
        method: 'GET',
        path: '/x',
        status: 431,
        client_ip: '192.0.2.1',
        error_code: 'headers_too_large',
        message: 'request refused',
      },
    ],
  );
});

test('does not build lines below the level', (t) => {
  const { line, raw } = bench(t, (level) => level !== 'info');
  line();
  line({ status: 502 });
  assert.equal(raw.length, 1);
});
