import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import type { ClientHttp2Session, ClientHttp2Stream, IncomingHttpHeaders, OutgoingHttpHeaders } from 'node:http2';
import type { Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { test, type TestContext } from 'node:test';
import { WebSocketServer, type RawData } from 'ws';
import { errorCode, flag, frameType, type Fields } from '../helpers/http2-frames.ts';
import type { RawHttp2 } from '../helpers/http2-raw.ts';
import { key } from '../helpers/plain-gateway.ts';
import { closed, over, writeUntilBlocked } from '../helpers/scripted-app.ts';
import { responseOf, ask, problemCode, startSecureGateway, type SecureGateway } from '../helpers/secure-gateway.ts';

function tunnel(client: ClientHttp2Session, protocol: string, headers: OutgoingHttpHeaders = {}): ClientHttp2Stream {
  return ask(client, '/chat?x=1', { ':method': 'CONNECT', ':protocol': protocol, ...headers });
}

async function head(stream: ClientHttp2Stream): Promise<IncomingHttpHeaders & { ':status'?: number }> {
  const [fields] = (await once(stream, 'response')) as [IncomingHttpHeaders];
  return fields;
}

/** Resolves after the 101 with the app's side of an upgraded connection. */
async function taken(t: TestContext): Promise<{ client: ClientHttp2Stream; app: Socket; gateway: SecureGateway }> {
  const gateway = await startSecureGateway(t, () => undefined);
  const appSocket = new Promise<Socket>((resolve) => {
    gateway.app.on('upgrade', (_: IncomingMessage, socket: Socket) => {
      socket.on('error', () => undefined);
      socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: Echo\r\nX-App: yes\r\n\r\n');
      resolve(socket);
    });
  });
  const client = tunnel(await gateway.session(), 'echo');
  const fields = await head(client);
  assert.deepEqual([fields[':status'], fields['x-app'], fields['upgrade']], [200, 'yes', undefined]);
  return { client, app: await appSocket, gateway };
}

/**
 * The same with a client that writes frames itself. `early`: data that it sends before the app has
 * switched, ending its side.
 */
async function takenRaw(
  t: TestContext,
  early?: Buffer,
): Promise<{ raw: RawHttp2; app: Socket; gateway: SecureGateway; received: () => number }> {
  const gateway = await startSecureGateway(t, () => undefined);
  const raw = await gateway.raw2();
  const asked = new Promise<Socket>((resolve) => {
    gateway.app.on('upgrade', (_: IncomingMessage, socket: Socket) => {
      resolve(socket.on('error', () => undefined));
    });
  });
  raw.request(1, [...withConnect(), ['x-api-key', key]], 0);
  const app = await asked;
  let received = 0;
  app.on('data', (piece: Buffer) => {
    received += piece.length;
  });
  if (early !== undefined) {
    raw.data(1, early.subarray(0, 16_000), flag.endStream);
    await raw.roundTrip(1);
  }
  app.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n');
  await raw.frame(({ type, stream }) => type === frameType.headers && stream === 1);
  return { raw, app, gateway, received: () => received };
}

function withConnect(): Fields {
  const pseudo = { ':method': 'CONNECT', ':protocol': 'echo', ':scheme': 'https', ':path': '/peer/app/' };
  return [...Object.entries(pseudo), [':authority', 'localhost']];
}

test('a WebSocket over HTTP/2 looks like HTTP/1.1 to the app, with its subprotocol and close code', async (t) => {
  const gateway = await startSecureGateway(t, () => undefined);
  const server = new WebSocketServer({ server: gateway.app });
  const closing = new Promise<number>((resolve) => {
    server.on('connection', (socket, request) => {
      assert.equal(request.url, '/chat?x=1');
      assert.equal(request.method, 'GET');
      assert.equal(request.headers['x-forwarded-proto'], 'https');
      assert.equal(request.headers['sec-websocket-version'], '13');
      socket.on('message', (data: RawData) => {
        socket.send(data);
      });
      socket.on('close', resolve);
    });
  });
  const session = await gateway.session();
  await once(session, 'remoteSettings');
  assert.equal(session.remoteSettings.enableConnectProtocol, true);
  const client = tunnel(session, 'websocket', {
    'sec-websocket-version': '13',
    'sec-websocket-protocol': 'chat',
    'sec-websocket-key': 'from a client that knows no better',
  });
  const fields = await head(client);
  assert.equal(fields[':status'], 200);
  assert.equal(fields['sec-websocket-protocol'], 'chat');
  for (const absent of ['sec-websocket-accept', 'connection', 'upgrade']) assert.equal(fields[absent], undefined);
  // A masked binary frame and its echo; then a close frame with code 4001 and the reply to it.
  client.write(Buffer.from([0x82, 0x82, 0, 0, 0, 0, 0x68, 0x69]));
  const [echo] = (await once(client, 'data')) as [Buffer];
  assert.deepEqual([...echo], [0x82, 0x02, 0x68, 0x69]);
  const ended = once(client, 'end');
  client.write(Buffer.from([0x88, 0x82, 0, 0, 0, 0, 0x0f, 0xa1]));
  const [close] = (await once(client, 'data')) as [Buffer];
  assert.deepEqual([...close], [0x88, 0x02, 0x0f, 0xa1]);
  await ended;
  client.end();
  assert.equal(await closing, 4001);
  server.close();
});

test('carries any other protocol byte for byte, and each direction ends separately', async (t) => {
  const { client, app } = await taken(t);
  let received = '';
  app.on('data', (piece) => {
    received += piece.toString();
  });
  app.on('end', () => app.end(`all of ${received}`));
  client.end('what was sent');
  assert.equal(await text(client), 'all of what was sent');
});

test('a tunnel cut by one side is cut for the other', async (t) => {
  const first = await taken(t);
  first.client.close(errorCode.cancel);
  await over(first.app);
  const second = await taken(t);
  second.client.resume();
  second.app.resetAndDestroy();
  await closed(second.client);
  assert.equal(second.client.rstCode, errorCode.connect);
});

interface Ending {
  readonly name: string;
  readonly code: number;
  /** Whether the app has ended its side before. */
  readonly appEnded: boolean;
}

const resets: readonly Ending[] = [errorCode.none, errorCode.cancel, errorCode.protocol, errorCode.connect].flatMap(
  (code) => [false, true].map((appEnded) => ({ name: `code ${code}, app ended: ${appEnded}`, code, appEnded })),
);

for (const { name, code, appEnded } of resets) {
  test(`a tunnel that its client resets is reset for the app, not ended: ${name}`, async (t) => {
    const { raw, gateway, app } = await takenRaw(t);
    if (appEnded) {
      app.end();
      await raw.frame(({ type, flags }) => type === frameType.data && (flags & flag.endStream) !== 0);
    }
    const tunnel = gateway.transport.tunnels.at(-1);
    assert.ok(tunnel !== undefined);
    const over = closed(tunnel);
    raw.reset(1, code);
    await over;
    // A FIN would be sent only after all written data.
    assert.equal(tunnel.writableFinished, false);
  });
}

test('a tunnel that both sides end loses no data, in any order and however early', async (t) => {
  const large = Buffer.alloc(60_000, 'x');
  for (const first of ['client', 'app', 'client before the 101'] as const) {
    const early = first === 'client before the 101';
    const { raw, gateway, app, received } = await takenRaw(t, early ? large : undefined);
    const tunnel = gateway.transport.tunnels.at(-1);
    const ended = once(app, 'end');
    if (first === 'app') {
      app.end('from the app');
      await raw.frame(({ type, flags }) => type === frameType.data && (flags & flag.endStream) !== 0);
    }
    if (!early) raw.data(1, large.subarray(0, 16_000));
    if (!early) raw.data(1, large.subarray(16_000, 32_000), flag.endStream);
    await ended;
    assert.equal(received(), early ? 16_000 : 32_000, first);
    assert.ok(tunnel !== undefined);
    if (!tunnel.writableFinished) await once(tunnel, 'finish');
    if (first !== 'app') app.end('from the app');
    assert.equal(await raw.outcome(1), '200', first);
    assert.equal(raw.body(1), 'from the app');
  }
});

test('a tunnel has back-pressure', async (t) => {
  const { client, app } = await taken(t);
  const total = 32 * 1024 * 1024;
  const blockedAt = await writeUntilBlocked(app, total);
  assert.ok(blockedAt < total / 2, `could write ${blockedAt}`);
  let received = 0;
  for await (const piece of client) received += (piece as Buffer).length;
  assert.equal(received, total);
});

test('forwards the response of an app that does not switch, except one that looks like a tunnel', async (t) => {
  const gateway = await startSecureGateway(t, (request, response) => {
    response.statusCode = Number(request.headers['x-status']);
    response.end('no');
  });
  const client = await gateway.session();
  const refused = await responseOf(tunnel(client, 'websocket', { 'x-status': '403' }));
  assert.deepEqual([refused.head[':status'], refused.body.toString()], [403, 'no']);
  const ignored = await responseOf(tunnel(client, 'websocket', { 'x-status': '200' }));
  assert.deepEqual([ignored.head[':status'], problemCode(ignored)], [502, 'bad_upstream_response']);
  const health = await responseOf(
    client.request({ ':path': '/health', ':method': 'CONNECT', ':protocol': 'websocket' }),
  );
  assert.equal(health.head[':status'], 400);
});

test('a 101 that does not match the request is 502', async (t) => {
  const gateway = await startSecureGateway(t, () => undefined);
  const key = (request: IncomingMessage): string => String(request.headers['sec-websocket-key']);
  const accepts: ((request: IncomingMessage) => string)[] = [
    (request) => `Upgrade: other\r\nSec-WebSocket-Accept: ${acceptOf(key(request))}`,
    () => `Upgrade: websocket\r\nSec-WebSocket-Accept: ${acceptOf('another')}`,
    () => 'Upgrade: websocket',
  ];
  let asked = 0;
  gateway.app.on('upgrade', (request: IncomingMessage, socket: Socket) => {
    socket.on('error', () => undefined);
    const fields = accepts[asked]?.(request) ?? '';
    asked += 1;
    socket.write(`HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n${fields}\r\n\r\n`);
  });
  const client = await gateway.session();
  while (asked < accepts.length) {
    const response = await responseOf(tunnel(client, 'websocket'));
    assert.deepEqual([response.head[':status'], problemCode(response)], [502, 'bad_upstream_response']);
  }
});

test('rejects HTTP within a tunnel, a CONNECT with content and a plain CONNECT', async (t) => {
  const { session } = await startSecureGateway(t, () => undefined);
  const client = await session();
  for (const protocol of ['h2c', 'HTTP/1.1', 'h2', 'a b']) {
    assert.equal((await responseOf(tunnel(client, protocol))).head[':status'], 501, protocol);
  }
  assert.equal((await responseOf(tunnel(client, 'websocket', { 'content-length': '3' }))).head[':status'], 400);
  const plain = client.request({ ':method': 'CONNECT', ':authority': 'example.com:443' });
  const response = await responseOf(plain);
  assert.deepEqual([response.head[':status'], problemCode(response)], [501, 'not_implemented']);
});

test('the app notices that a client left while it decided', async (t) => {
  const gateway = await startSecureGateway(t, () => undefined);
  const asked = new Promise<Socket>((resolve) => {
    gateway.app.on('upgrade', (_: IncomingMessage, socket: Socket) => {
      socket.on('error', () => undefined);
      resolve(socket);
    });
  });
  const client = tunnel(await gateway.session(), 'websocket');
  const app = await asked;
  client.close(errorCode.cancel);
  await over(app);
});

function acceptOf(key: string): string {
  return createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
}
