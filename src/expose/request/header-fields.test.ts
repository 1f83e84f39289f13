import assert from 'node:assert/strict';
import type { IncomingMessage } from 'node:http';
import { test } from 'node:test';
import { responseTo, exposeApp } from '../../../test/helpers/exposed-app.ts';

test('Connection cannot remove headers of the gateway', async (t) => {
  let seen: IncomingMessage | undefined;
  const s = await exposeApp(t, (request, response) => {
    seen = request;
    response.end('ok');
  });
  await responseTo(
    s,
    'GET / HTTP/1.1\r\nHost: x\r\nX-Gateway-Assertion: a\r\nX-Forwarded-For: b\r\nX-Own: c\r\n' +
      'Connection: close, X-Gateway-Assertion, x-forwarded-for, x-own\r\n\r\n',
  );
  const { headers } = seen ?? {};
  assert.deepEqual(
    [headers?.['x-gateway-assertion'], headers?.['x-forwarded-for'], headers?.['x-own']],
    ['a', 'b', undefined],
  );
});

test('drops fields that some apps interpret as framing', async (t) => {
  let seen: IncomingMessage | undefined;
  const s = await exposeApp(t, (request, response) => {
    seen = request;
    response.end('ok');
  });
  await responseTo(
    s,
    'POST / HTTP/1.1\r\nHost: x\r\nContent_Length: 5\r\nTransfer_Encoding: chunked\r\nTransfer.Encoding: chunked\r\n' +
      'Own_Field: c\r\nConnection: close\r\n\r\n',
  );
  assert.deepEqual(seen?.rawHeaders.slice(2), [
    ...['Own_Field', 'c', 'Via', '1.1 portal-expose', 'Content-Length', '0', 'Connection', 'keep-alive'],
  ]);
});
