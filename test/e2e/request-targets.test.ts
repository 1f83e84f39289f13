import assert from 'node:assert/strict';
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { test } from 'node:test';
import { ask, show } from '../helpers/echo-app.ts';
import { key, readUntil, startPlainGateway } from '../helpers/plain-gateway.ts';

const host = 'Host: gw.test';

test('the absolute form is equivalent', async (t) => {
  const gateway = await startPlainGateway(t, show);
  const response = await ask(gateway, 'GET http://gw.test/peer/app//x%2f?y HTTP/1.1', host);
  assert.equal(response.seen.url, '//x%2f?y');
  assert.deepEqual(response.saw('x-forwarded-host'), ['gw.test']);
});

test('the gateway responds to targets without a route or a lease', async (t) => {
  const gateway = await startPlainGateway(t, show);
  const rows: [line: string, status: number, code: string][] = [
    ['GET /', 404, 'not_found'],
    ['GET http://gw.test', 404, 'not_found'],
    ['GET /peer', 404, 'not_found'],
    ['GET /ws/app/x', 404, 'not_found'],
    ['GET /peer/app/a%00', 400, 'invalid_request'],
    ['GET /peer/a%zz/', 400, 'invalid_request'],
    ['GET /peer/a%00/', 400, 'invalid_request'],
    ['GET ftp://gw.test/', 400, 'invalid_request'],
    ['GET http://u@gw.test/peer/app/', 400, 'invalid_request'],
    ['GET *', 400, 'invalid_request'],
    ['TRACE /peer/app/', 501, 'not_implemented'],
    ['GET /ws/app', 400, 'invalid_request'],
    ['POST /ws/app', 405, 'method_not_allowed'],
  ];
  for (const [line, status, code] of rows) {
    const response = await ask(gateway, `${line} HTTP/1.1`, host);
    assert.deepEqual([response.status, response.code], [status, code], line);
  }
});

test('forwards %00 in the query', async (t) => {
  const gateway = await startPlainGateway(t, show);
  assert.equal((await ask(gateway, 'GET /peer/app/a?%00 HTTP/1.1', host)).seen.url, '/a?%00');
});

test('the gateway responds to OPTIONS for the whole server, without a key', async (t) => {
  const gateway = await startPlainGateway(t, show);
  const response = await ask(gateway, 'OPTIONS * HTTP/1.1', host);
  assert.equal(response.status, 204);
  assert.match(response.values('allow')[0] ?? '', /GET, HEAD, POST/);
  assert.equal(response.values('x-request-id').length, 1);
});

test('forwards OPTIONS for an app', async (t) => {
  const gateway = await startPlainGateway(t, show);
  assert.equal((await ask(gateway, 'OPTIONS /peer/app/x HTTP/1.1', host)).seen.method, 'OPTIONS');
});

test('responds to OPTIONS with Max-Forwards 0, and decrements it otherwise', async (t) => {
  const gateway = await startPlainGateway(t, show);
  assert.equal((await ask(gateway, 'OPTIONS /peer/app/ HTTP/1.1', host, 'Max-Forwards: 0')).status, 204);
  const response = await ask(gateway, 'OPTIONS /peer/app/ HTTP/1.1', host, 'Max-Forwards: 10');
  assert.deepEqual(response.saw('max-forwards'), ['9']);
});

test('the alias for WebSockets upgrades to the app’s /, with the query', async (t) => {
  const { raw, app } = await startPlainGateway(t, show);
  app.on('upgrade', (request: IncomingMessage, socket: Socket) => {
    socket.end(
      `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n${String(request.url)} ` +
        `${String(request.headers['x-forwarded-prefix'])};`,
    );
  });
  const socket = raw(
    `GET /ws/app?token=a/b HTTP/1.1\r\nHost: x\r\nX-API-Key: ${key}\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n`,
  );
  assert.match(await readUntil(socket, ';'), /\r\n\r\n\/\?token=a\/b \/peer\/app;$/);
});
