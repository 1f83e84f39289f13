import assert from 'node:assert/strict';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { test } from 'node:test';
import { key, readUntil, startPlainGateway } from '../helpers/plain-gateway.ts';
import { closed, handedOver } from '../helpers/scripted-app.ts';

const fields = `X-API-Key: ${key}\r\n`;
const get = `GET /peer/app/ HTTP/1.0\r\n${fields}`;

const sized = (_: IncomingMessage, response: ServerResponse): void => {
  response.writeHead(200, { 'content-length': 3 });
  response.end('abc');
};
const streamed = (_: IncomingMessage, response: ServerResponse): void => {
  response.write('ab');
  response.end('c');
};

test('a connection ends with its response, unless the client asks to keep it and the length is known', async (t) => {
  const { raw } = await startPlainGateway(t, sized);
  assert.match((await buffer(raw(`${get}\r\n`))).toString(), /\r\nConnection: close\r\n\r\nabc$/);
  const kept = raw(`${get}Connection: keep-alive\r\n\r\n`);
  assert.match(await readUntil(kept, 'abc'), /\r\nConnection: keep-alive\r\n/);
  kept.write(`${get}\r\n`);
  assert.match((await buffer(kept)).toString(), /^HTTP\/1\.1 200 [^]*abc$/);
});

test('sends no chunks, even to a client that claims to support them', async (t) => {
  const { raw } = await startPlainGateway(t, streamed);
  for (const more of [
    '',
    'TE: chunked\r\n',
    'Connection: keep-alive\r\n',
    'Connection: keep-alive, TE\r\nTE: chunked\r\n',
  ]) {
    const response = (await buffer(raw(`${get}${more}\r\n`))).toString();
    assert.match(response, /^HTTP\/1\.1 200 [^]*\r\nConnection: close\r\n\r\nabc$/, more);
    assert.doesNotMatch(response, /transfer-encoding/i, more);
  }
});

test('a cut response does not look complete', async (t) => {
  const app = handedOver();
  const { raw } = await startPlainGateway(t, app.serve);
  const socket = raw(`${get}\r\n`);
  const [, response] = await app.next();
  response.write('part');
  await readUntil(socket, 'part');
  let reset = false;
  socket.on('error', (error: NodeJS.ErrnoException) => {
    reset = error.code === 'ECONNRESET';
  });
  const over = closed(socket);
  socket.resume();
  response.destroy();
  await over;
  assert.ok(reset, 'the end of the connection would be the end of the body');
});

test('sends no 100 to an HTTP/1.0 client, and forwards no expectation', async (t) => {
  const { raw, app } = await startPlainGateway(t, (request, response) => {
    response.end(`expect: ${String(request.headers.expect)}`);
  });
  app.on('checkContinue', (_: IncomingMessage, response: ServerResponse) => response.writeHead(500).end());
  const post = `POST /peer/app/ HTTP/1.0\r\n${fields}Expect: 100-continue\r\nContent-Length: 3\r\n\r\nabc`;
  assert.match((await buffer(raw(post))).toString(), /^HTTP\/1\.1 200 [^]*expect: undefined$/);
});

test('sends no informational responses', async (t) => {
  const { raw } = await startPlainGateway(t, (_, response) => {
    response.writeEarlyHints({ link: '</a.css>; rel=preload' }, () => response.end('late'));
  });
  assert.match((await buffer(raw(`${get}\r\n`))).toString(), /^HTTP\/1\.1 200 [^]*late$/);
});

test('a problem is framed like any response', async (t) => {
  const { raw } = await startPlainGateway(t, () => undefined);
  const response = (await buffer(raw('GET /nowhere HTTP/1.0\r\n\r\n'))).toString();
  assert.match(response, /^HTTP\/1\.1 404 [^]*\r\nContent-Length: \d+\r\n[^]*Connection: close\r\n[^]*"not_found"/);
});
