import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { buffer, text } from 'node:stream/consumers';
import { test } from 'node:test';
import { show, valuesOf, type Seen } from '../helpers/echo-app.ts';
import { auth, key, readUntil, startPlainGateway } from '../helpers/plain-gateway.ts';

test('forwards method, target, body and end-to-end headers unchanged', async (t) => {
  const { call, port } = await startPlainGateway(t, show);
  const headers = ['X-Odd-CASE', 'é\u00ff', 'Cookie', 'a=1', 'cookie', 'b=2', ...auth];
  const target = '/peer/app//a/../%7e%2F?x=%20&&y';
  const seen = JSON.parse((await call(target, { method: 'PUT', headers, body: 'hello' })).text) as Seen;
  assert.equal(seen.method, 'PUT');
  assert.equal(seen.url, '//a/../%7e%2F?x=%20&&y');
  assert.equal(seen.body, 'hello');
  assert.ok(seen.headers.includes('X-Odd-CASE'));
  assert.deepEqual(valuesOf(seen.headers, 'x-odd-case'), ['é\u00ff']);
  assert.deepEqual(valuesOf(seen.headers, 'cookie'), ['a=1', 'b=2']);
  assert.deepEqual(valuesOf(seen.headers, 'host'), ['app']);
  assert.deepEqual(valuesOf(seen.headers, 'content-length'), ['5']);
  assert.deepEqual(valuesOf(seen.headers, 'x-forwarded-for'), ['127.0.0.1']);
  assert.deepEqual(valuesOf(seen.headers, 'x-forwarded-proto'), ['http']);
  assert.deepEqual(valuesOf(seen.headers, 'x-forwarded-host'), [`127.0.0.1:${port}`]);
  assert.deepEqual(valuesOf(seen.headers, 'x-forwarded-prefix'), ['/peer/app']);
  assert.deepEqual(valuesOf(seen.headers, 'forwarded'), [`for=127.0.0.1;host="127.0.0.1:${port}";proto=http`]);
  assert.deepEqual(valuesOf(seen.headers, 'via'), ['1.1 portal-gateway']);
});

test('removes the credential used, and forwards the app’s own Authorization', async (t) => {
  const { call } = await startPlainGateway(t, show);
  const both = ['X-API-Key', key, 'Authorization', 'Basic app'];
  const seen = JSON.parse((await call('/peer/app/', { headers: both })).text) as Seen;
  assert.deepEqual(valuesOf(seen.headers, 'x-api-key'), []);
  assert.deepEqual(valuesOf(seen.headers, 'authorization'), ['Basic app']);
  const bearer = await call('/peer/app/', { headers: ['authorization', `bearer ${key}`] });
  assert.deepEqual(valuesOf((JSON.parse(bearer.text) as Seen).headers, 'authorization'), []);
});

test('app and client get the same request id, which is never the client’s', async (t) => {
  const { call } = await startPlainGateway(t, show);
  const { message, text: body } = await call('/peer/app/', { headers: [...auth, 'X-Request-ID', 'forged'] });
  const ids = valuesOf((JSON.parse(body) as Seen).headers, 'x-request-id');
  assert.deepEqual(ids, [message.headers['x-request-id']]);
  assert.match(ids[0] ?? '', /^[0-9a-f-]{36}$/);
});

test('forwards response headers as the app wrote them, once', async (t) => {
  const { call } = await startPlainGateway(t, (_, response) => {
    response.writeHead(418, [
      'X-tWice',
      'a=1',
      'x-twice',
      'b=2',
      'X-Lat',
      '\u00e9',
      'X-Request-ID',
      'app’s'.slice(0, 3),
    ]);
    response.end('short and stout');
  });
  const { status, message, text: body } = await call('/peer/app/');
  assert.equal(status, 418);
  assert.equal(body, 'short and stout');
  assert.ok(message.rawHeaders.includes('X-tWice'));
  assert.deepEqual(valuesOf(message.rawHeaders, 'x-twice'), ['a=1', 'b=2']);
  assert.deepEqual(valuesOf(message.rawHeaders, 'x-lat'), ['\u00e9']);
  assert.equal(valuesOf(message.rawHeaders, 'x-request-id').length, 1);
  assert.deepEqual(valuesOf(message.rawHeaders, 'via'), ['1.1 portal-gateway']);
});

test('forwards a chunked upload, with its trailers if they were announced', async (t) => {
  const { raw, transport } = await startPlainGateway(t, show);
  const socket = raw(
    `POST /peer/app/up HTTP/1.1\r\nHost: x\r\nX-API-Key: ${key}\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n` +
      '5\r\nhello\r\n0\r\nX-Sum: 42\r\n\r\n',
  );
  const response = await readUntil(socket, '}');
  const seen = JSON.parse(response.slice(response.indexOf('{'), response.lastIndexOf('}') + 1)) as Seen;
  assert.equal(seen.body, 'hello');
  assert.deepEqual(seen.trailers, ['X-Sum', '42']);
  assert.deepEqual(valuesOf(seen.headers, 'transfer-encoding'), ['chunked']);
  assert.equal(transport.tunnels.length, 1);
});

test('forwards response trailers', async (t) => {
  const { raw } = await startPlainGateway(t, (_, response) => {
    response.writeHead(200, { trailer: 'X-Sum' });
    response.write('body');
    response.addTrailers({ 'X-Sum': '42' });
    response.end();
  });
  const response = await readUntil(raw(`GET /peer/app/ HTTP/1.1\r\nHost: x\r\nX-API-Key: ${key}\r\n\r\n`), '42\r\n');
  assert.match(response, /\r\n0\r\nX-Sum: 42\r\n/);
});

test('leaves Expect: 100-continue to the app', async (t) => {
  const { raw, app } = await startPlainGateway(t, show);
  let asked = false;
  app.on('checkContinue', (request, response) => {
    asked = true;
    response.writeContinue();
    show(request, response);
  });
  const socket = raw(
    `PUT /peer/app/ HTTP/1.1\r\nHost: x\r\nX-API-Key: ${key}\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n`,
  );
  assert.match(await readUntil(socket, '\r\n\r\n'), /^HTTP\/1\.1 100 Continue\r\n/);
  assert.ok(asked);
  socket.write('hello');
  assert.match(await readUntil(socket, '}'), /"body":"hello"/);
});

test('an expectation that the app rejects is rejected before the body is sent', async (t) => {
  const { raw, app } = await startPlainGateway(t, show);
  app.on('checkContinue', (_, response) => {
    response.writeHead(413).end();
  });
  const socket = raw(
    `PUT /peer/app/ HTTP/1.1\r\nHost: x\r\nX-API-Key: ${key}\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n`,
  );
  const response = (await buffer(socket)).toString();
  assert.match(response, /^HTTP\/1\.1 413 /);
  assert.match(response, /Connection: close/i, 'later bytes on this connection may or may not be the body');
});

test('Early Hints reach the client before the response', async (t) => {
  const { raw } = await startPlainGateway(t, (_, response) => {
    response.writeEarlyHints({ link: '</a.css>; rel=preload', 'x-note': 'early' }, () => response.end('late'));
  });
  const socket = raw(`GET /peer/app/ HTTP/1.1\r\nHost: x\r\nX-API-Key: ${key}\r\nConnection: close\r\n\r\n`);
  const response = (await buffer(socket)).toString();
  assert.match(
    response,
    /^HTTP\/1\.1 103 Early Hints\r\n[^]*link: <\/a.css>; rel=preload\r\n[^]*\r\n\r\nHTTP\/1\.1 200 /i,
  );
  assert.match(response, /x-note: early/);
});

test('statuses and methods without content end at once, with their headers', async (t) => {
  const { call } = await startPlainGateway(t, (request, response) => {
    const status = Number(request.url?.slice(1));
    response.writeHead(status, status === 204 ? [] : ['Content-Length', '5', 'ETag', '"x"']);
    response.end();
  });
  const head = await call('/peer/app/200', { method: 'HEAD' });
  assert.deepEqual([head.status, head.text, head.message.headers['content-length']], [200, '', '5']);
  const notModified = await call('/peer/app/304');
  assert.deepEqual([notModified.status, notModified.text, notModified.message.headers.etag], [304, '', '"x"']);
  const none = await call('/peer/app/204');
  assert.deepEqual([none.status, none.text, none.message.headers['transfer-encoding']], [204, '', undefined]);
});

test('one tunnel carries successive requests', async (t) => {
  const { call, transport } = await startPlainGateway(t, show);
  for (let i = 0; i < 10; i += 1) assert.equal((await call('/peer/app/')).status, 200);
  assert.equal((await call('/peer/app/', { method: 'POST', body: 'x' })).status, 200);
  assert.equal(transport.tunnels.length, 1);
});

test('an HTTP/1.0 client gets a body delimited by the end of the connection', async (t) => {
  const { raw } = await startPlainGateway(t, (_, response) => {
    response.writeHead(200, { trailer: 'X-Sum' });
    response.write('one,');
    response.end('two');
  });
  const response = (await buffer(raw(`GET /peer/app/ HTTP/1.0\r\nX-API-Key: ${key}\r\n\r\n`))).toString();
  assert.match(response, /^HTTP\/1\.1 200 OK\r\n[^]*\r\n\r\none,two$/);
  assert.doesNotMatch(response, /transfer-encoding|trailer/i);
});

test('forwards a response that the app sends before it has read the upload', async (t) => {
  const { open } = await startPlainGateway(t, (request, response) => {
    request.once('data', () => {
      response.writeHead(413, { 'content-length': 3 });
      response.end('big');
    });
  });
  let sent = 0;
  const endless = new Readable({
    read() {
      sent += 65_536;
      if (sent > 64 * 1024 * 1024) this.push(null);
      else this.push(Buffer.alloc(65_536));
    },
  });
  const message = await open('/peer/app/', { method: 'POST', body: endless });
  assert.equal(message.statusCode, 413);
  assert.equal(await text(message), 'big');
});

test('finds a lease by id and by name', async (t) => {
  const { call } = await startPlainGateway(t, show);
  const { status, text: body } = await call(`/peer/${'APP'.padEnd(26, 'A')}/x`);
  assert.equal(status, 200);
  assert.equal((JSON.parse(body) as Seen).url, '/x');
});

test('responds to pipelined requests in order', async (t) => {
  const { raw } = await startPlainGateway(t, (request, response) => {
    if (request.url === '/slow') setImmediate(() => setImmediate(() => response.end('SLOW')));
    else response.end('FAST');
  });
  const one = (path: string): string => `GET /peer/app${path} HTTP/1.1\r\nHost: x\r\nX-API-Key: ${key}\r\n\r\n`;
  const response = await readUntil(raw(one('/slow') + one('/fast')), 'FAST');
  assert.ok(response.includes('SLOW') && response.indexOf('SLOW') < response.indexOf('FAST'));
});

test('does not use an idle tunnel that the app closed', async (t) => {
  const { call, app, transport } = await startPlainGateway(t, show);
  await call('/peer/app/');
  const [tunnel] = transport.tunnels;
  app.closeAllConnections();
  await new Promise((resolve) => tunnel?.once('close', resolve));
  assert.equal((await call('/peer/app/', { method: 'POST', body: 'x' })).status, 200);
  assert.equal(transport.tunnels.length, 2);
});
