import assert from 'node:assert/strict';
import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { test } from 'node:test';
import { testPolicy } from '../../test/helpers/policy.ts';
import { ClientExchange } from './client-exchange.ts';

const policy = testPolicy();

function exchange(headers: Record<string, string> = {}): ClientExchange {
  const request = new IncomingMessage(new Socket());
  request.method = 'POST';
  request.url = '/x';
  request.rawHeaders = Object.entries(headers).flat();
  Object.assign(request.headers, headers);
  return ClientExchange.of(request, policy, false);
}

test('a body is told by its framing alone', () => {
  assert.equal(exchange().body.lengthBytes, 'none');
  assert.equal(exchange({ 'content-length': '0' }).body.lengthBytes, 0);
  assert.equal(exchange({ 'content-length': '12' }).body.lengthBytes, 12);
  assert.equal(exchange({ 'transfer-encoding': 'chunked' }).body.lengthBytes, null);
});

test('a body is opened once', () => {
  const { body } = exchange({ 'content-length': '1' });
  assert.equal(body.started, false);
  body.open();
  assert.equal(body.started, true);
  assert.throws(() => body.open());
  assert.throws(() => exchange().body.open());
});

test('a fork is the same client’s, and ends with it', () => {
  const original = exchange();
  original.principal = { id: 'k' };
  original.withheld.push('x-api-key');
  const head = { method: 'GET', target: '/y', headers: [], upgrade: false };
  const forked = original.fork(head, new AbortController().signal);
  assert.equal(forked.req, head);
  assert.equal(forked.id, original.id);
  assert.equal(forked.body, original.body);
  assert.equal(forked.answerHeaders, original.answerHeaders);
  assert.deepEqual([forked.principal, forked.withheld], [{ id: 'k' }, ['x-api-key']]);
  forked.withheld.push('authorization');
  assert.deepEqual(original.withheld, ['x-api-key']);
  original.cancellation.cancel();
  assert.equal(forked.signal.aborted, true);
});

test('a fork can end by itself', () => {
  const original = exchange();
  const end = new AbortController();
  const forked = original.fork(original.req, end.signal);
  end.abort();
  assert.equal(forked.cancellation.cancelled, true);
  assert.equal(original.cancellation.cancelled, false);
  assert.equal(original.fork(original.req, end.signal).cancellation.cancelled, true);
});
