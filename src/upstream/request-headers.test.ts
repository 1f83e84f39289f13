import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RequestHead } from '../kernel/http/http.ts';
import { endToEnd, endToEndTrailers } from './request-headers.ts';

function head(headers: readonly string[], upgrade = false): RequestHead {
  return { method: 'GET', target: '/', headers, upgrade };
}

function passed(headers: readonly string[], strippedHeaders: readonly string[] = []): readonly string[] {
  return endToEnd(head(headers), strippedHeaders).headers;
}

test('forwards end-to-end fields as received: order, case and duplicates', () => {
  const headers = ['aCCept', 'a', 'Cookie', 'x=1', 'COOKIE', 'y=2', 'Via', '1.0 x', 'X-Empty', ''];
  assert.deepEqual(passed(headers), headers);
});

test('drops hop-by-hop fields and those named by Connection', () => {
  const headers = ['Connection', 'X-Foo , keep-alive', 'x-fOO', '1', 'Keep-Alive', 'timeout=5', 'TE', 'trailers'];
  headers.push(
    'Proxy-Connection',
    'x',
    'Proxy-Authorization',
    'x',
    'Upgrade',
    'h2c',
    'connection',
    'x-bar',
    'X-Bar',
    '1',
  );
  assert.deepEqual(passed([...headers, 'X-Stays', '1']), ['X-Stays', '1']);
});

test('drops identity headers sent by the client, in any spelling', () => {
  const names = ['X-Forwarded-For', 'x_forwarded_for', 'X-FORWARDED_HOST', 'X-Forwarded-Proto', 'X-Forwarded-Prefix'];
  names.push('Forwarded', 'X-Request-ID', 'X-Real-IP', 'X-Gateway-Key-Id', 'x_gateway_anything', 'X-GATEWAY_Scopes');
  names.push('X.Gateway.Subject', 'X!Gateway~Tenant', 'X.Forwarded_For');
  for (const name of names) assert.deepEqual(passed([name, 'forged']), [], name);
});

test('drops stripped headers', () => {
  assert.deepEqual(passed(['X-Api-KEY', 'secret', 'Authorization', 'app’s'], ['x-api-key']), [
    'Authorization',
    'app’s',
  ]);
});

test('drops Host and framing, which are generated again', () => {
  const result = endToEnd(head(['Host', 'h:1', 'Content-Length', '5', 'Connection', 'host']), []);
  assert.deepEqual(result, { headers: [], offeredProtocols: '', dropped: new Set() });
});

test('forwards the announcement of trailers only for a chunked body', () => {
  const chunked = endToEnd(head(['Trailer', 'X-Sum', 'Transfer-Encoding', 'chunked']), []);
  assert.deepEqual(chunked, { headers: ['Trailer', 'X-Sum'], offeredProtocols: '', dropped: new Set() });
  const sized = endToEnd(head(['Trailer', 'X-Sum', 'Content-Length', '1']), []);
  assert.deepEqual(sized, { headers: [], offeredProtocols: '', dropped: new Set() });
});

test('decrements Max-Forwards on OPTIONS', () => {
  const options = { ...head(['Max-Forwards', '3']), method: 'OPTIONS' };
  assert.deepEqual(endToEnd(options, []).headers, ['Max-Forwards', '2']);
  assert.deepEqual(endToEnd({ ...options, headers: ['max-forwards', 'x'] }, []).headers, ['max-forwards', 'x']);
  assert.deepEqual(passed(['Max-Forwards', '3']), ['Max-Forwards', '3']);
});

test('forwards an upgrade with its protocols if the connection can be upgraded', () => {
  const headers = ['Connection', 'keep-alive, Upgrade', 'Upgrade', 'websocket', 'Sec-WebSocket-Key', 'k'];
  const result = endToEnd(head(headers, true), []);
  assert.deepEqual(result.headers, ['Sec-WebSocket-Key', 'k', 'Connection', 'Upgrade', 'Upgrade', 'websocket']);
  assert.equal(result.offeredProtocols, 'websocket');
  assert.equal(endToEnd(head(headers), []).offeredProtocols, '');
});

test('drops trailers that are forbidden after a body or dropped from the head', () => {
  const trailers = ['X-Sum', '1', 'x_gateway_subject', 'root', 'Content-Length', '9', 'Transfer-Encoding', 'chunked'];
  trailers.push(
    'Authorization',
    'a',
    'Host',
    'h',
    'X-API-Key',
    'k',
    'X_Api_Key',
    'k',
    'X-Hop',
    '1',
    'x-forwarded_for',
    '9.9.9.9',
  );
  const { dropped } = endToEnd(head(['Connection', 'x-hop, close']), ['x-api-key']);
  assert.deepEqual(endToEndTrailers(trailers, dropped), ['X-Sum', '1']);
});

test('forwards configured headers from a trusted proxy, in the configured spelling, and none that the gateway writes', () => {
  const rights = {
    forwardable: new Set(['x-forwarded-user', 'x-gateway-subject', 'forwarded']),
    mayOverride: () => false,
  };
  const sent = ['X-Forwarded-User', 'a', 'X_Forwarded_User', 'b', 'X-Forwarded-Email', 'c', 'X-Gateway-Subject', 'd'];
  assert.deepEqual(endToEnd(head([...sent, 'Forwarded', 'for=e']), [], rights).headers, ['X-Forwarded-User', 'a']);
  assert.deepEqual(passed(sent), []);
  assert.deepEqual(endToEndTrailers(sent, new Set()), []);
});

test('forwards a method override if the caller may use that method, and never in trailers', () => {
  const rights = { forwardable: new Set<string>(), mayOverride: (method: string) => method === 'GET' };
  const sent = ['X-HTTP-Method-Override', 'DELETE', 'x_http_method_override', 'PUT', 'X-Method-Override', 'GET'];
  assert.deepEqual(endToEnd(head(sent), [], rights).headers, ['X-Method-Override', 'GET']);
  assert.deepEqual(endToEndTrailers(sent, new Set()), []);
});
