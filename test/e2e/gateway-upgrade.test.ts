import assert from 'node:assert/strict';
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { buffer, text } from 'node:stream/consumers';
import { test, type TestContext } from 'node:test';
import type { Gateway } from '../../src/gateway/gateway.ts';
import { key, readUntil, startPlainGateway } from '../helpers/plain-gateway.ts';
import { over, writeUntilBlocked } from '../helpers/scripted-app.ts';

test('an upgrade carries bytes unchanged, and each direction ends separately', async (t) => {
  const { raw, app } = await startPlainGateway(t, () => undefined);
  app.on('upgrade', (request: IncomingMessage, socket: Socket) => {
    assert.equal(request.headers.upgrade, 'echo/1');
    socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo/1\r\n\r\nhello ');
    let received = '';
    socket.on('data', (chunk) => {
      received += chunk.toString();
    });
    socket.on('end', () => socket.end(`all of ${received}`));
  });
  const socket = raw(
    `GET /peer/app/ HTTP/1.1\r\nHost: x\r\nX-API-Key: ${key}\r\nConnection: Upgrade\r\nUpgrade: echo/1\r\n\r\n`,
  );
  const head = await readUntil(socket, 'hello ');
  assert.match(head, /^HTTP\/1\.1 101 [^]*Upgrade: echo\/1\r\n[^]*X-Request-ID: /);
  socket.end('what was sent');
  assert.equal(await text(socket), 'all of what was sent');
});

test('keeps bytes that a client sends before the 101', async (t) => {
  const { raw, app } = await startPlainGateway(t, () => undefined);
  app.on('upgrade', (_: IncomingMessage, socket: Socket, head: Buffer) => {
    socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n');
    socket.write(head);
    socket.pipe(socket);
  });
  const socket = raw(
    `GET /peer/app/ HTTP/1.1\r\nHost: x\r\nX-API-Key: ${key}\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\nahead`,
  );
  assert.match(await readUntil(socket, 'ahead'), /\r\n\r\nahead$/);
});

test('forwards the response of an app that declines an upgrade', async (t) => {
  const { raw } = await startPlainGateway(t, (_, response) => response.end('no'));
  const socket = raw(
    `GET /peer/app/ HTTP/1.1\r\nHost: x\r\nX-API-Key: ${key}\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n`,
  );
  assert.match((await buffer(socket)).toString(), /^HTTP\/1\.1 200 [^]*no/);
});

test('ignores an offer of HTTP/2 without TLS', async (t) => {
  const { raw } = await startPlainGateway(t, (request, response) =>
    response.end(`upgrade: ${String(request.headers.upgrade)}`),
  );
  const socket = raw(
    `GET /peer/app/ HTTP/1.1\r\nHost: x\r\nX-API-Key: ${key}\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: x\r\n\r\n`,
  );
  assert.match(await readUntil(socket, 'undefined'), /^HTTP\/1\.1 200 /);
});

async function upgraded(t: TestContext): Promise<{ client: Socket; app: Socket; gateway: Gateway }> {
  const { raw, app, gateway } = await startPlainGateway(t, () => undefined);
  const appSocket = new Promise<Socket>((resolve) => {
    app.on('upgrade', (_: IncomingMessage, socket: Socket) => {
      socket.on('error', () => undefined);
      socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n');
      resolve(socket);
    });
  });
  const client = raw(
    `GET /peer/app/ HTTP/1.1\r\nHost: x\r\nX-API-Key: ${key}\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n`,
  );
  await readUntil(client, '\r\n\r\n');
  return { client, app: await appSocket, gateway };
}

test('an upgraded connection cut by one side is cut for the other', async (t) => {
  const first = await upgraded(t);
  first.client.resetAndDestroy();
  await over(first.app);
  const second = await upgraded(t);
  second.app.resetAndDestroy();
  await over(second.client);
});

test('an upgraded connection has back-pressure', async (t) => {
  const { client, app } = await upgraded(t);
  const total = 64 * 1024 * 1024;
  const blockedAt = await writeUntilBlocked(app, total);
  assert.ok(blockedAt < total / 2, `could write ${blockedAt}`);
  assert.equal((await buffer(client)).length, total);
});

test('the app notices that a client left while it decided about the upgrade', async (t) => {
  const { raw, app } = await startPlainGateway(t, () => undefined);
  const asked = new Promise<Socket>((resolve) => {
    app.on('upgrade', (_: IncomingMessage, socket: Socket) => {
      resolve(socket);
    });
  });
  const socket = raw(
    `GET /peer/app/ HTTP/1.1\r\nHost: x\r\nX-API-Key: ${key}\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n`,
  );
  const appSocket = await asked;
  socket.end();
  appSocket.on('error', () => undefined);
  await over(appSocket);
});

test('a drain gives an upgraded connection its grace period, then cuts it', async (t) => {
  const { client, app, gateway } = await upgraded(t);
  const drained = gateway.drain(50);
  app.write('still here');
  await readUntil(client, 'still here');
  const both = Promise.all([over(client), over(app)]);
  await drained;
  await both;
});
