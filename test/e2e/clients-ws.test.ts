// The `ws` library on both sides of the gateway: the gateway does not change what the two
// negotiate.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { test, type TestContext } from 'node:test';
import { WebSocket, WebSocketServer, type ClientOptions, type ServerOptions } from 'ws';
import { key, startPlainGateway } from '../helpers/plain-gateway.ts';

interface Pair {
  readonly client: WebSocket;
  readonly app: WebSocket;
  /** The request as the app received it. */
  readonly request: IncomingMessage;
  readonly connections: () => Promise<number>;
}

async function pair(
  t: TestContext,
  {
    server = {},
    client = {},
    protocols = [],
  }: { server?: ServerOptions; client?: ClientOptions; protocols?: string[] } = {},
): Promise<Pair> {
  const { app, port } = await startPlainGateway(t, () => undefined);
  const sockets = new WebSocketServer({ ...server, noServer: true });
  app.on('upgrade', (request: IncomingMessage, socket, head: Buffer) => {
    sockets.handleUpgrade(request, socket, head, (accepted) => {
      sockets.emit('connection', accepted, request);
    });
  });
  const connected = once(sockets, 'connection') as Promise<[WebSocket, IncomingMessage]>;
  const url = `ws://127.0.0.1:${port}/peer/app/chat?room=1`;
  const opened = new WebSocket(url, protocols, { ...client, headers: { 'x-api-key': key } });
  t.after(() => {
    opened.terminate();
  });
  opened.on('error', () => undefined);
  const [[accepted, request]] = await Promise.all([connected, once(opened, 'open')]);
  const connections = (): Promise<number> =>
    new Promise((resolve, reject) => {
      app.getConnections((error, count) => {
        if (error === null) resolve(count);
        else reject(error);
      });
    });
  return { client: opened, app: accepted, request, connections };
}

async function message(socket: WebSocket): Promise<Buffer> {
  const [data] = (await once(socket, 'message')) as [Buffer];
  return data;
}

async function closing(socket: WebSocket): Promise<readonly [code: number, reason: string]> {
  const [code, reason] = (await once(socket, 'close')) as [number, Buffer];
  return [code, reason.toString()];
}

test('forwards path, query and subprotocol to the app, and text and bytes both ways', async (t) => {
  const { client, app, request } = await pair(t, { protocols: ['chat.v2', 'chat.v1'] });
  assert.equal(request.url, '/chat?room=1');
  assert.equal(request.headers['sec-websocket-protocol'], 'chat.v2,chat.v1');
  assert.equal(client.protocol, 'chat.v2');
  const toApp = message(app);
  client.send('grüße');
  assert.equal((await toApp).toString(), 'grüße');
  const toClient = message(client);
  app.send(Buffer.from([0, 255, 128]));
  assert.deepEqual(await toClient, Buffer.from([0, 255, 128]));
});

test('the other end answers a ping, with its payload', async (t) => {
  const { client, app } = await pair(t);
  for (const [from, to] of [
    [client, app],
    [app, client],
  ] as const) {
    const pinged = once(to, 'ping') as Promise<[Buffer]>;
    const ponged = once(from, 'pong') as Promise<[Buffer]>;
    from.ping('are you there');
    assert.equal((await pinged)[0].toString(), 'are you there');
    assert.equal((await ponged)[0].toString(), 'are you there');
  }
});

test('a close handshake passes with code and reason, whichever side starts it, and ends both connections', async (t) => {
  for (const who of ['client', 'app'] as const) {
    const { client, app, connections } = await pair(t);
    const ends = Promise.all([closing(client), closing(app)]);
    (who === 'client' ? client : app).close(4001, 'enough');
    assert.deepEqual(await ends, [
      [4001, 'enough'],
      [4001, 'enough'],
    ]);
    assert.equal(await connections(), 0);
  }
});

test('messages sent to the closing side before its close still arrive: each direction ends separately', async (t) => {
  const { client, app } = await pair(t);
  const received: string[] = [];
  client.on('message', (data: Buffer) => received.push(data.toString()));
  // Sent after the client's close frame has arrived and before the reply to it.
  app.on('close', () => undefined);
  const closed = closing(client);
  app.send('first');
  client.close(1000);
  app.send('second');
  assert.deepEqual(await closed, [1000, '']);
  assert.deepEqual(received, ['first', 'second']);
});

test('a vanished end is an abnormal closure for the other', async (t) => {
  const first = await pair(t);
  const clientClosed = closing(first.client);
  first.app.terminate();
  assert.deepEqual(await clientClosed, [1006, '']);
  const second = await pair(t);
  const appClosed = closing(second.app);
  second.client.terminate();
  assert.deepEqual(await appClosed, [1006, '']);
});

test('messages of many megabytes arrive complete, both ways at once', async (t) => {
  const { client, app } = await pair(t);
  const big = randomBytes(16 * 1024 * 1024);
  const both = Promise.all([message(client), message(app)]);
  client.send(big);
  app.send(big);
  const [atClient, atApp] = await both;
  assert.ok(atClient.equals(big) && atApp.equals(big));
});

test('a fragmented message arrives as one, with a ping in between', async (t) => {
  const { client, app } = await pair(t);
  const arrived = message(app);
  const ponged = once(client, 'pong');
  client.send('in ', { fin: false });
  client.ping();
  client.send('pieces', { fin: true });
  await ponged;
  assert.equal((await arrived).toString(), 'in pieces');
});

test('the two ends negotiate compression with their parameters', async (t) => {
  const perMessageDeflate = { serverNoContextTakeover: true, clientMaxWindowBits: 10, threshold: 0 };
  const { client, app, request } = await pair(t, { server: { perMessageDeflate }, client: { perMessageDeflate } });
  assert.match(request.headers['sec-websocket-extensions'] ?? '', /^permessage-deflate; /);
  assert.equal(client.extensions, 'permessage-deflate');
  const text = 'the same again, '.repeat(10_000);
  const arrived = message(app);
  client.send(text);
  assert.equal((await arrived).toString(), text);
});

test('does not negotiate compression that the app does not offer', async (t) => {
  const { client } = await pair(t, { client: { perMessageDeflate: true } });
  assert.equal(client.extensions, '');
});

test('a rejected upgrade gets a response, from the gateway and from the app', async (t) => {
  const { app, port } = await startPlainGateway(t, (_, response) => {
    response.writeHead(418).end('tea');
  });
  const cases = [
    [{}, 401],
    [{ 'x-api-key': key }, 418],
  ] as const;
  for (const [headers, status] of cases) {
    const client = new WebSocket(`ws://127.0.0.1:${port}/peer/app/`, { headers });
    client.on('error', () => undefined);
    const [, response] = (await once(client, 'unexpected-response')) as [unknown, IncomingMessage];
    assert.equal(response.statusCode, status);
    client.terminate();
  }
  assert.equal(app.listenerCount('upgrade'), 0);
});
