import assert from 'node:assert/strict';
import { Socket } from 'node:net';
import { test } from 'node:test';
import { testPolicy } from '../../test/helpers/policy.ts';
import { ClientExchange } from './client-exchange.ts';
import { bodyOf, ClientRequest } from './client-request.ts';
import type { BodyLength } from './head-check.ts';

const policy = testPolicy();

function exchange(length: BodyLength = 'none'): ClientExchange {
  const request = new ClientRequest(new Socket());
  const req = { method: 'POST', target: '/x', headers: [], upgrade: false };
  const peer = { ip: '192.0.2.1', port: 4711, loopback: false, encrypted: false };
  return ClientExchange.of({ req, body: bodyOf(request, length), httpVersion: '1.1', peer, startedMs: 0 }, policy);
}

test('takes client address, scheme and version from the connection', () => {
  const { peerIp, clientIp, scheme, httpVersion } = exchange();
  assert.deepEqual([peerIp, clientIp, scheme, httpVersion], ['192.0.2.1', '192.0.2.1', 'http', '1.1']);
});

test('the length of a body depends on its framing only', () => {
  for (const length of ['none', 0, 12, null] as const) assert.equal(exchange(length).body.lengthBytes, length);
});

test('a body can be opened only once', () => {
  const { body } = exchange(1);
  assert.equal(body.started, false);
  body.open();
  assert.equal(body.started, true);
  assert.throws(() => body.open());
  assert.throws(() => exchange().body.open());
});

test('a fork shares the client of the original and ends with it', () => {
  const original = exchange();
  original.principal = { id: 'k', kind: 'key', scopes: [] };
  original.strippedHeaders.push('x-api-key');
  const head = { method: 'GET', target: '/y', headers: [], upgrade: false };
  const forked = original.fork(head, new AbortController().signal);
  assert.equal(forked.req, head);
  assert.equal(forked.id, original.id);
  assert.equal(forked.body, original.body);
  assert.equal(forked.responseHeaders, original.responseHeaders);
  assert.deepEqual([forked.principal, forked.strippedHeaders], [original.principal, ['x-api-key']]);
  forked.strippedHeaders.push('authorization');
  assert.deepEqual(original.strippedHeaders, ['x-api-key']);
  original.cancellation.cancel();
  assert.equal(forked.signal.aborted, true);
});

test('a fork can end separately', () => {
  const original = exchange();
  const end = new AbortController();
  const forked = original.fork(original.req, end.signal);
  end.abort();
  assert.equal(forked.cancellation.cancelled, true);
  assert.equal(original.cancellation.cancelled, false);
  assert.equal(original.fork(original.req, end.signal).cancellation.cancelled, true);
});
