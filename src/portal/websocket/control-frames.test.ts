// What control-frames.ts relies upon in `ws`. When the version test fails, compare these parts of
// node_modules/ws/lib/websocket.js with the reviewed version, then change `reviewedVersion`:
// setSocket() adds the only 'data' listener; that listener does nothing but write to the receiver,
// which keeps a partial frame; no other code reads the socket while it flows.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { test, type TestContext } from 'node:test';
import { WebSocket, WebSocketServer } from 'ws';
import packageJson from '../../../package.json' with { type: 'json' };
import { controlFrameReader } from './control-frames.ts';
import { LentReads } from './lent-reads.ts';
import { acceptCarrier, websocketOptions } from './websocket-carrier.ts';

const reviewedVersion = '8.23.0';

interface Pair {
  readonly ws: WebSocket;
  readonly socket: Socket;
  readonly reads: LentReads;
  readonly server: WebSocket;
}

/** `opened` is called within the event, as acceptCarrier() requires. */
async function pair(t: TestContext, opened: (pair: Omit<Pair, 'server'>) => void): Promise<Pair> {
  const http = createServer();
  const websockets = new WebSocketServer({ server: http, ...websocketOptions });
  const connected = once(websockets, 'connection') as Promise<[WebSocket]>;
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  const { port } = http.address() as AddressInfo;
  const reads = new LentReads();
  const socket = connect({ port, host: '127.0.0.1', onread: reads.onread });
  reads.leaveTo(socket);
  const ws = new WebSocket(`ws://127.0.0.1:${port}/`, { ...websocketOptions, createConnection: () => socket });
  t.after(() => {
    ws.terminate();
    http.close();
    http.closeAllConnections();
  });
  ws.once('open', () => {
    opened({ ws, socket, reads });
  });
  await once(ws, 'open');
  const [server] = await connected;
  return { ws, socket, reads, server };
}

test('the installed ws is the pinned and reviewed one', () => {
  const manifest = new URL('package.json', import.meta.resolve('ws'));
  const installed = JSON.parse(readFileSync(manifest, 'utf8')) as { version: string };
  assert.equal(packageJson.dependencies.ws, reviewedVersion);
  assert.equal(installed.version, reviewedVersion);
});

test('ws reads its socket by one listener, which writes to its receiver', async (t) => {
  const { ws, socket } = await pair(t, () => undefined);
  const [listener, ...others] = socket.listeners('data');
  assert.equal(listener?.name, 'socketOnData');
  assert.deepEqual(others, []);
  assert.deepEqual(socket.listeners('readable'), []);
  assert.ok('_receiver' in ws && typeof ws._receiver === 'object' && ws._receiver !== null);
  const written = t.mock.method(ws._receiver as { write: (chunk: Buffer) => boolean }, 'write');
  listener.call(socket, Buffer.from([0x8a, 0x00]));
  assert.equal(written.mock.callCount(), 1);
});

test('control frames reach ws at any split, within the call', async (t) => {
  const seen: string[] = [];
  await pair(t, ({ ws, socket }) => {
    const read = controlFrameReader(ws, socket);
    assert.ok(read !== undefined);
    ws.on('ping', (data) => seen.push(`ping ${data.toString()}`));
    ws.on('pong', (data) => seen.push(`pong ${data.toString()}`));
    const frames = Buffer.from('\x89\x03one\x8a\x03two', 'latin1');
    for (const byte of frames) read(Buffer.from([byte]));
    read(frames);
    assert.deepEqual(seen, ['ping one', 'pong two', 'ping one', 'pong two']);
    const closing = ws.readyState;
    read(Buffer.from([0x88, 0x02, 0x03, 0xe8]));
    assert.deepEqual([closing, ws.readyState], [WebSocket.OPEN, WebSocket.CLOSING]);
  });
});

test('if ws does not read its socket as expected, it reads all frames itself', async (t) => {
  const variants: ((socket: Socket) => void)[] = [
    (socket) => socket.on('data', () => undefined),
    // A listener by which nothing arrives.
    (socket) => {
      const [listener] = socket.listeners('data') as ((chunk: Buffer) => void)[];
      socket.removeAllListeners('data').on('data', (chunk: Buffer) => {
        setImmediate(() => listener?.call(socket, chunk));
      });
    },
  ];
  for (const changed of variants) {
    const received: Buffer[] = [];
    const { promise: closed, resolve } = Promise.withResolvers<unknown>();
    const { server } = await pair(t, ({ ws, socket, reads }) => {
      changed(socket);
      acceptCarrier(ws, socket, { reads }).setHandler({
        data: (chunk) => received.push(Buffer.from(chunk)),
        drain: () => undefined,
        close: resolve,
      });
    });
    const messages = [Buffer.alloc(70_000, 1), Buffer.from('text'), Buffer.alloc(300_000, 2)];
    for (const message of messages) server.send(message);
    server.ping();
    await once(server, 'pong');
    server.close(1000);
    assert.equal(await closed, undefined);
    assert.ok(Buffer.concat(received).equals(Buffer.concat(messages)));
  }
});
