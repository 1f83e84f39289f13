// A body of zero bytes counts as no body, however the client announces it.
import assert from 'node:assert/strict';
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { test } from 'node:test';
import { key, readUntil, startPlainGateway } from '../helpers/plain-gateway.ts';

const head = `Host: x\r\nX-API-Key: ${key}\r\n`;

for (const [what, framing] of [
  ['Content-Length: 0', 'Content-Length: 0\r\n\r\n'],
  ['Content-Length: 000', 'Content-Length: 000\r\n\r\n'],
  ['an empty chunked body', 'Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n'],
] as const) {
  test(`${what}: the app gets a GET without a body and a POST of length 0`, async (t) => {
    const { raw } = await startPlainGateway(t, (request, response) => {
      const { 'content-length': length, 'transfer-encoding': coding } = request.headers;
      response.end(`<${request.method ?? ''} ${String(length)} ${String(coding)}>`);
    });
    for (const [method, text] of [
      ['GET', '<GET undefined undefined>'],
      ['DELETE', '<DELETE undefined undefined>'],
      ['POST', '<POST 0 undefined>'],
    ] as const) {
      const socket = raw(`${method} /peer/app/ HTTP/1.1\r\n${head}${framing}`);
      assert.match(await readUntil(socket, '>'), new RegExp(`${text}$`), method);
      socket.destroy();
    }
  });

  test(`${what}: a GET may use a tunnel that has been idle for long`, async (t) => {
    let aheadMs = 0;
    const clock = { monotonicMs: () => performance.now() + aheadMs, wallMs: Date.now };
    const { raw, transport } = await startPlainGateway(t, (_, response) => response.end('<ok>'), { clock });
    const ask = async (): Promise<void> => {
      const socket = raw(`GET /peer/app/ HTTP/1.1\r\n${head}${framing}`);
      assert.match(await readUntil(socket, '<ok>'), /^HTTP\/1\.1 200 /);
      socket.destroy();
    };
    await ask();
    aheadMs += 3_000;
    await ask();
    assert.equal(transport.tunnels.length, 1);
  });
}

test('responds in order to requests that follow an empty chunked body', async (t) => {
  const { raw } = await startPlainGateway(t, (request, response) => response.end(`<${request.url ?? ''}>`));
  const empty = `${head}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n`;
  const socket = raw(
    `POST /peer/app/1 HTTP/1.1\r\n${empty}GET /peer/app/2 HTTP/1.1\r\n${empty}GET /peer/app/3 HTTP/1.1\r\n${head}\r\n`,
  );
  const text = await readUntil(socket, '</3>');
  assert.deepEqual(text.match(/<\/\d>/g), ['</1>', '</2>', '</3>']);
});

test('a protocol switch request may carry Content-Length: 0', async (t) => {
  const { raw, app } = await startPlainGateway(t, (_, response) => response.end('not switched'));
  app.on('upgrade', (request: IncomingMessage, socket: Socket) => {
    socket.end(
      `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n<${String(request.headers['content-length'])}>`,
    );
  });
  const socket = raw(
    `GET /peer/app/ HTTP/1.1\r\n${head}Connection: Upgrade\r\nUpgrade: echo\r\nContent-Length: 0\r\n\r\n`,
  );
  assert.match(await readUntil(socket, '>'), /^HTTP\/1\.1 101 [^]*<undefined>$/);
});
