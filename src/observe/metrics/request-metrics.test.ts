import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import fc from 'fast-check';
import { systemClock } from '../../kernel/clock.ts';
import { parseExposition, valueOf, type ParsedFamily } from '../../../test/helpers/exposition.ts';
import { GatewayError } from '../../kernel/errors/gateway-error.ts';
import {
  requestFinished,
  requestRefused,
  requestStarted,
  streamOpened,
  type RequestFinished,
} from '../../kernel/events.ts';
import type { GatewayStatus } from '../../kernel/http/status.ts';
import { MetricRegistry } from './registry.ts';
import { requestMetrics } from './request-metrics.ts';

const status: GatewayStatus = { relays: [], tunnels: [], certificates: [] };
const leaseId = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ';

function finished(over: Partial<RequestFinished> = {}): RequestFinished {
  return {
    requestId: 'r',
    startedMs: performance.now(),
    durationMs: 12,
    headMs: 10,
    upstreamMs: 8,
    method: 'GET',
    path: '/peer/app/',
    route: '/peer/:lease/*',
    httpVersion: '1.1',
    clientIp: '192.0.2.1',
    userAgent: undefined,
    keyId: 'key',
    leaseId,
    relay: 'ws://relay.test',
    status: 200,
    bytesReceived: 0,
    bytesSent: 1_000,
    stream: undefined,
    outcome: 'complete',
    error: undefined,
    ...over,
  };
}

function metrics(t: TestContext): { read: () => Map<string, ParsedFamily>; text: () => string } {
  const requests = new MetricRegistry('', requestMetrics, systemClock);
  t.after(() => {
    requests.close();
  });
  const text = (): string => requests.text(status);
  return { read: () => parseExposition(text()), text };
}

test('counts a request once, with its duration and sizes', (t) => {
  const { read } = metrics(t);
  const event = finished();
  requestStarted.publish(event);
  assert.equal(valueOf(read(), 'portal_gateway_active_requests'), 1);
  requestFinished.publish(event);
  const families = read();
  const labels = { method: 'GET', path: '/peer/:lease/*', lease_id: leaseId };
  assert.equal(valueOf(families, 'portal_gateway_active_requests'), 0);
  assert.equal(valueOf(families, 'portal_gateway_requests_total', { ...labels, status: '200', tenant: '' }), 1);
  assert.equal(valueOf(families, 'portal_gateway_request_duration_seconds_sum', labels), 0.012);
  assert.equal(valueOf(families, 'portal_gateway_request_duration_seconds_bucket', { ...labels, le: '0.01' }), 0);
  assert.equal(valueOf(families, 'portal_gateway_request_duration_seconds_bucket', { ...labels, le: '0.025' }), 1);
  assert.equal(valueOf(families, 'portal_gateway_upstream_duration_seconds_sum'), 0.008);
  assert.equal(valueOf(families, 'portal_gateway_response_size_bytes_sum'), 1_000);
});

test('a stream moves from active requests to active streams, and its duration is not a latency', (t) => {
  const { read } = metrics(t);
  const event = finished({ stream: 'websocket', status: 101, durationMs: 3_600_000 });
  requestStarted.publish(event);
  streamOpened.publish({ ...event, kind: 'websocket' });
  assert.equal(valueOf(read(), 'portal_gateway_active_requests'), 0);
  assert.equal(valueOf(read(), 'portal_gateway_active_streams', { kind: 'websocket' }), 1);
  requestFinished.publish(event);
  assert.equal(valueOf(read(), 'portal_gateway_active_streams', { kind: 'websocket' }), 0);
  assert.equal(valueOf(read(), 'portal_gateway_request_duration_seconds_sum'), 0.01);
});

test('requests that began before subscription do not make the active gauge negative', (t) => {
  const { read } = metrics(t);
  requestFinished.publish(finished({ startedMs: 0 }));
  requestFinished.publish(finished({ startedMs: 0, stream: 'sse' }));
  assert.equal(valueOf(read(), 'portal_gateway_active_requests'), 0);
  assert.equal(valueOf(read(), 'portal_gateway_active_streams', { kind: 'sse' }), 0);
});

test('counts errors by code, including rejections', (t) => {
  const { read } = metrics(t);
  requestFinished.publish(
    finished({ status: 502, error: new GatewayError('tunnel_failed', 'x'), bytesSent: undefined }),
  );
  requestRefused.publish({ requestId: 'r', clientIp: '192.0.2.1', error: new GatewayError('invalid_request', 'x') });
  const families = read();
  assert.equal(valueOf(families, 'portal_gateway_errors_total', { type: 'tunnel_failed', lease_id: leaseId }), 1);
  assert.equal(valueOf(families, 'portal_gateway_errors_total', { type: 'invalid_request', lease_id: 'unknown' }), 1);
  assert.equal(
    valueOf(families, 'portal_gateway_requests_total', { method: 'other', path: 'other', status: '400' }),
    1,
  );
  assert.equal(valueOf(families, 'portal_gateway_response_size_bytes_count'), 0);
});

test('counts quota rejections only', (t) => {
  const { read } = metrics(t);
  assert.equal(valueOf(read(), 'portal_gateway_quota_rejections_total'), 0);
  for (const code of ['quota_exceeded', 'rate_limited'] as const) {
    requestFinished.publish(finished({ status: 429, error: new GatewayError(code, 'x'), bytesSent: undefined }));
  }
  assert.equal(valueOf(read(), 'portal_gateway_quota_rejections_total'), 1);
});

test('counts nothing after close()', () => {
  const requests = new MetricRegistry('', requestMetrics, systemClock);
  requests.close();
  requestFinished.publish(finished());
  assert.equal(parseExposition(requests.text(status)).get('portal_gateway_requests_total')?.samples.length, 0);
  assert.equal(requestFinished.hasSubscribers, false);
});

test('labels up to 500 leases, then `other`, and an unknown lease `unknown`', (t) => {
  const { read } = metrics(t);
  for (let i = 0; i < 600; i += 1) requestFinished.publish(finished({ leaseId: `LEASE${i}` }));
  requestFinished.publish(finished({ leaseId: undefined }));
  const families = read();
  const leases = new Set(
    families.get('portal_gateway_requests_total')?.samples.map(({ labels }) => labels['lease_id']),
  );
  assert.equal(leases.size, 502);
  assert.equal(valueOf(families, 'portal_gateway_requests_total', { lease_id: 'other' }), 100);
  assert.equal(valueOf(families, 'portal_gateway_requests_total', { lease_id: 'unknown' }), 1);
});

test('the number of label values is limited, whatever clients and apps send', (t) => {
  const { read, text } = metrics(t);
  fc.assert(
    fc.property(
      fc.string(),
      fc.string(),
      fc.string(),
      fc.integer({ min: 100, max: 999 }),
      (method, path, agent, status) => {
        requestFinished.publish(finished({ method, path, userAgent: agent, status, clientIp: agent, keyId: agent }));
        requestRefused.publish({
          requestId: agent,
          clientIp: agent,
          method,
          path,
          error: new GatewayError('invalid_request', agent),
        });
      },
    ),
    { numRuns: 2_000 },
  );
  const samples = read().get('portal_gateway_requests_total')?.samples ?? [];
  for (const { labels } of samples) {
    assert.match(labels['method'] ?? '', /^([A-Z]+|other)$/);
    assert.match(labels['path'] ?? '', /^(\/peer\/:lease\/\*|other)$/);
    assert.match(labels['status'] ?? '', /^[1-5]\d\d$|^[1-9]xx$/);
  }
  assert.ok(samples.length < 1_000, `${samples.length} label sets`);
  assert.ok(text().length < 1_000_000);
});

test('all methods, statuses and leases stay within the limits', (t) => {
  const { read } = metrics(t);
  for (let lease = 0; lease < 600; lease += 1) {
    for (const method of ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH', 'BREW']) {
      for (const status of [200, 404, 500, 599, 799]) {
        requestFinished.publish(finished({ method, status, leaseId: `LEASE${lease}` }));
      }
    }
  }
  const families = read();
  assert.ok((families.get('portal_gateway_requests_total')?.samples.length ?? 0) <= 10_001);
  assert.ok((families.get('portal_gateway_request_duration_seconds')?.samples.length ?? 0) <= 2_001 * 16);
  const total = families.get('portal_gateway_requests_total')?.samples.reduce((sum, { value }) => sum + value, 0);
  assert.equal(total, 600 * 8 * 5);
});
