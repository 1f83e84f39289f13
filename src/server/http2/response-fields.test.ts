import assert from 'node:assert/strict';
import { test } from 'node:test';
import { GatewayError } from '../../kernel/errors/gateway-error.ts';
import { responseFields, fieldsObject, tunnelFields } from './response-fields.ts';

test('drops connection-specific fields in HTTP/2 and keeps all others in order', () => {
  const hops = ['Connection', 'x', 'Keep-Alive', 'x', 'Transfer-Encoding', 'chunked', 'Upgrade', 'x', 'TE', 'x'];
  const { fields, lengthBytes } = responseFields(
    200,
    [...hops, 'X-A', '1', 'x-a', '2', 'Proxy-Connection', 'x'],
    false,
  );
  assert.deepEqual(fields, [':status', 200, 'x-a', '1', 'x-a', '2']);
  assert.equal(lengthBytes, -1);
});

test('accepts exactly one numeric length, or the response is invalid', () => {
  assert.equal(responseFields(200, ['Content-Length', '5'], false).lengthBytes, 5);
  for (const lengths of [['x'], ['-1'], ['1e400'], ['5', '5'], ['5', '6']]) {
    const headers = lengths.flatMap((length) => ['content-length', length]);
    assert.throws(
      () => responseFields(200, headers, false),
      (error) => error instanceof GatewayError && error.code === 'bad_upstream_response',
    );
  }
});

test('204 has no length, 205 only 0, and no status is above 599', () => {
  assert.deepEqual(responseFields(204, ['Content-Length', '5'], true).fields, [':status', 204]);
  assert.deepEqual(responseFields(205, ['Content-Length', '5'], true).fields, [':status', 205, 'content-length', '0']);
  assert.throws(() => responseFields(999, [], false), GatewayError);
});

test('announces trailers only where they can be sent', () => {
  assert.deepEqual(responseFields(200, ['Trailer', 'x'], false).fields, [':status', 200, 'trailer', 'x']);
  assert.deepEqual(responseFields(200, ['Trailer', 'x', 'a', 'b'], true).fields, [':status', 200, 'a', 'b']);
  const sized = responseFields(200, ['Trailer', 'x', 'Content-Length', '1'], false).fields;
  assert.deepEqual(sized, [':status', 200, 'content-length', '1']);
});

test('an accepted tunnel drops the fields of the HTTP/1.1 handshake', () => {
  const handshake = ['Connection', 'Upgrade', 'Upgrade', 'websocket', 'Sec-WebSocket-Accept', 'x'];
  assert.deepEqual(tunnelFields([...handshake, 'Sec-WebSocket-Protocol', 'chat']), [
    ...[':status', 200, 'sec-websocket-protocol', 'chat'],
  ]);
});

test('in an object, a repeated field becomes a list', () => {
  const fields = fieldsObject(['Link', 'a', 'X', '1', 'link', 'b', 'Connection', 'x', '__proto__', 'c']);
  assert.deepEqual(Object.entries(fields), [
    ['link', ['a', 'b']],
    ['x', ['1']],
    ['__proto__', ['c']],
  ]);
});
