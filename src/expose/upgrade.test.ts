import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer as createHttpServer, type IncomingMessage } from 'node:http';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { test, type TestContext } from 'node:test';
import { WebSocket, WebSocketServer } from 'ws';
import { tunnelPair, type TunnelEnd } from '../../test/helpers/tunnel-pair.ts';
import { StreamPipe } from '../http-client/stream-pipe.ts';
import { Bridge } from './bridge.ts';
import { spliceTunnel } from './tunnel-splice.ts';
import { parseTarget } from './app/target.ts';

const upgradeRequest =
  'GET /chat?x=1 HTTP/1.1\r\nHost: x\r\nConnection: keep-alive, Upgrade\r\nUpgrade: Chat/2\r\nX-Own: 1\r\n\r\n';
const switching = 'HTTP/1.1 101 Go Ahead\r\nupgrade: Chat/2\r\nConnection: Upgrade\r\nX-Own: 2\r\n\r\n';
/** The head as the client reads it. */
const switched = 'HTTP/1.1 101 Switching Protocols\r\nX-Own: 2\r\nConnection: Upgrade\r\nUpgrade: Chat/2\r\n\r\n';

/** An app written directly on a socket, with half-open connections allowed. */
async function rawApp(t: TestContext, serve: (socket: Socket) => void): Promise<Bridge> {
  const sockets = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    serve(socket);
  });
  return bridgeTo(t, server, () => {
    for (const socket of sockets) socket.destroy();
  });
}

/** `closed`: called once the bridge is closed, before the server is. */
async function bridgeTo(t: TestContext, server: Server, closed: () => void = () => undefined): Promise<Bridge> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const bridge = new Bridge({ target: parseTarget(`127.0.0.1:${port}`) });
  t.after(async () => {
    await bridge.close();
    closed();
    server.close();
  });
  return bridge;
}

function dial(bridge: Bridge): { client: TunnelEnd; app: TunnelEnd } {
  const [client, app] = tunnelPair();
  bridge.accept(new StreamPipe(app));
  return { client, app };
}

async function read(stream: Duplex, bytes: number): Promise<string> {
  let got = '';
  while (got.length < bytes) {
    const [chunk] = (await once(stream, 'data')) as [Buffer];
    got += chunk.toString('latin1');
  }
  return got;
}

test('after the app’s 101 both sides form one stream, from the first byte after the heads', async (t) => {
  let head = '';
  const bridge = await rawApp(t, (socket) => {
    socket.once('data', (chunk: Buffer) => {
      head = chunk.toString();
      socket.write(`${switching}hello`);
      socket.on('data', (more: Buffer) => socket.write(more.toString().toUpperCase()));
    });
  });
  const { client } = dial(bridge);
  client.write(`${upgradeRequest}early `);
  assert.equal(await read(client, switched.length + 11), `${switched}helloEARLY `);
  client.write('late');
  assert.equal(await read(client, 4), 'LATE');
  const lines = head.split('\r\n');
  assert.equal(lines[0], 'GET /chat?x=1 HTTP/1.1');
  assert.ok(
    lines.includes('Upgrade: Chat/2') && lines.includes('Connection: Upgrade') && lines.includes('X-Own: 1'),
    head,
  );
  client.destroy();
});

test('treats Content-Length: 0 as no body: the upgrade request reaches the app without a length', async (t) => {
  const asked = Promise.withResolvers<string>();
  const bridge = await rawApp(t, (socket) => {
    socket.once('data', (chunk) => {
      asked.resolve(chunk.toString('latin1'));
      socket.end(switching);
    });
  });
  const { client } = dial(bridge);
  client.write(upgradeRequest.replace('X-Own', 'Content-Length: 0\r\nX-Own'));
  const head = await asked.promise;
  assert.match(head, /\r\nUpgrade: Chat\/2\r\n/);
  assert.doesNotMatch(head, /content-length/i);
  client.destroy();
});

test('half-close works in both directions, and data from the other side still arrives', async (t) => {
  const bridge = await rawApp(t, (socket) => {
    socket.once('data', () => {
      socket.write(switching);
      let said = '';
      socket.on('data', (chunk: Buffer) => (said += chunk.toString()));
      socket.once('end', () => socket.end(`you said ${said}`));
    });
  });
  const { client, app } = dial(bridge);
  client.write(upgradeRequest);
  await read(client, switched.length);
  client.end('that is all');
  assert.equal((await buffer(client)).toString(), 'you said that is all');
  if (!app.closed) await once(app, 'close');
});

test('losing the client ends the app’s connection, even if the app never stops sending', async (t) => {
  const { promise: closed, resolve } = Promise.withResolvers<undefined>();
  const bridge = await rawApp(t, (socket) => {
    socket.once('data', () => {
      socket.write(switching);
      const talk = setInterval(() => socket.write('tick'), 5);
      socket.once('end', () => socket.end());
      socket.once('close', () => {
        clearInterval(talk);
        resolve(undefined);
      });
    });
  });
  const { client } = dial(bridge);
  client.write(upgradeRequest);
  await read(client, switched.length);
  client.destroy();
  await closed;
});

test('a killed app ends the tunnel', async (t) => {
  const bridge = await rawApp(t, (socket) => {
    socket.once('data', () => {
      socket.write(switching);
      socket.once('data', () => socket.resetAndDestroy());
    });
  });
  const { client } = dial(bridge);
  client.write(upgradeRequest);
  await read(client, switched.length);
  client.write('die');
  client.resume();
  await once(client, 'end');
});

test('forwards the response of an app that declines, and then ends the tunnel', async (t) => {
  const server = createHttpServer((request, response) =>
    response.writeHead(426, { 'X-Why': 'no' }).end(`no ${request.url ?? ''}`),
  );
  const bridge = await bridgeTo(t, server);
  const { client } = dial(bridge);
  client.write(upgradeRequest);
  const response = (await buffer(client)).toString();
  assert.match(response, /^HTTP\/1\.1 426 /);
  assert.match(response, /\r\nX-Why: no\r\n/);
  assert.match(response, /no \/chat\?x=1/);
});

test('an upgrade to an app that is down gets a 502', async (t) => {
  const bridge = await rawApp(t, (socket) => socket.resetAndDestroy());
  const { client } = dial(bridge);
  client.write(upgradeRequest);
  assert.match((await buffer(client)).toString(), /^HTTP\/1\.1 502 /);
});

test('detects a client that leaves before the app has decided', async (t) => {
  const { promise: closed, resolve } = Promise.withResolvers<undefined>();
  const { promise: asked, resolve: askedNow } = Promise.withResolvers<undefined>();
  const bridge = await rawApp(t, (socket) => {
    socket.once('data', () => {
      askedNow(undefined);
    });
    socket.once('close', () => {
      resolve(undefined);
    });
    socket.once('end', () => socket.end());
    socket.resume();
  });
  const { client } = dial(bridge);
  client.write(upgradeRequest);
  await asked;
  client.destroy();
  await closed;
});

test('serves a request that offers h2c in HTTP/1.1', async (t) => {
  let seen: IncomingMessage | undefined;
  const server = createHttpServer((request, response) => {
    seen = request;
    response.end('plain');
  });
  const bridge = await bridgeTo(t, server, () => {
    server.closeAllConnections();
  });
  const { client } = dial(bridge);
  client.write(
    'GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMA\r\n\r\n',
  );
  assert.match(await read(client, 30), /^HTTP\/1\.1 200 /);
  assert.equal(seen?.headers.upgrade, undefined);
  assert.equal(seen?.headers['http2-settings'], undefined);
  client.destroy();
});

test('carries a WebSocket: text, binary, ping, compression, close code', async (t) => {
  const server = createHttpServer();
  const sockets = new WebSocketServer({ server, perMessageDeflate: { threshold: 0 } });
  sockets.on('connection', (socket) => {
    socket.on('message', (data, isBinary) => {
      socket.send(data as Buffer, { binary: isBinary });
    });
  });
  const bridge = await bridgeTo(t, server);
  const { client } = dial(bridge);
  const socket = new WebSocket('ws://app.test/ws', { createConnection: () => client as unknown as Socket });
  await once(socket, 'open');
  assert.equal(socket.extensions, 'permessage-deflate');
  for (const message of ['text', Buffer.alloc(200_000, 7)]) {
    socket.send(message);
    const [data, isBinary] = (await once(socket, 'message')) as [Buffer, boolean];
    assert.deepEqual(isBinary ? data : data.toString(), message);
  }
  socket.ping('p');
  assert.equal(((await once(socket, 'pong')) as [Buffer])[0].toString(), 'p');
  for (const peer of sockets.clients) peer.close(4001, 'enough');
  const [code, reason] = (await once(socket, 'close')) as [number, Buffer];
  assert.deepEqual([code, reason.toString()], [4001, 'enough']);
});

test('cuts a half-closed tunnel that accepts no more data', async (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] });
  const [client, app] = tunnelPair();
  const [local, appEnd] = tunnelPair();
  spliceTunnel(app, local, 1000);
  client.end();
  await once(appEnd.resume(), 'end');
  while (appEnd.write(Buffer.alloc(65_536))) await new Promise((resolve) => setImmediate(resolve));
  while (!app.writableNeedDrain) await new Promise((resolve) => setImmediate(resolve));
  t.mock.timers.tick(1000);
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(app.destroyed, false);
  t.mock.timers.tick(1000);
  t.mock.timers.tick(1000);
  assert.equal(app.destroyed, true);
  await once(local, 'close');
});
