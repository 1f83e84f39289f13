import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { Socket } from 'node:net';
import type { AddressInfo } from 'node:net';
import { afterEach, test } from 'node:test';
import { WebSocketServer } from 'ws';
import type { WebSocket } from 'ws';
import type { PortalError } from '../errors.ts';
import type { Carrier, CarrierHandler } from './carrier.ts';
import { connectCarrier } from './connect.ts';
import type { ConnectOptions } from './connect.ts';
import { acceptCarrier, websocketOptions } from './websocket-carrier.ts';
import type { CarrierOptions } from './websocket-carrier.ts';

interface Accepted {
  readonly ws: WebSocket;
  readonly socket: Socket;
}

const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup();
});

/** A server that passes every opened websocket to `opened`, in the callback that announced it. */
async function serve(opened: (accepted: Accepted) => void): Promise<string> {
  const server = createServer();
  const websockets = new WebSocketServer({ noServer: true, ...websocketOptions });
  server.on('upgrade', (request, socket, head) => {
    assert.ok(socket instanceof Socket);
    websockets.handleUpgrade(request, socket, head, (ws) => {
      cleanups.push(() => {
        ws.terminate();
      });
      opened({ ws, socket });
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  cleanups.push(() => server.close());
  return `ws://127.0.0.1:${(server.address() as AddressInfo).port}/relay`;
}

async function connect(url: string, options: Partial<ConnectOptions> = {}): Promise<Carrier> {
  const carrier = await connectCarrier(url, { signal: new AbortController().signal, ...options });
  cleanups.push(() => {
    carrier.close();
  });
  return carrier;
}

/** Both ends of one websocket as carriers. */
async function pair(serverSide: CarrierOptions = {}, clientSide: CarrierOptions = {}): Promise<[Carrier, Carrier]> {
  const accepted = Promise.withResolvers<Carrier>();
  const url = await serve(({ ws, socket }) => {
    accepted.resolve(acceptCarrier(ws, socket, serverSide));
  });
  const client = await connect(url, clientSide);
  return [client, await accepted.promise];
}

class Recorder implements CarrierHandler {
  readonly chunks: Buffer[] = [];
  bytes = 0;
  readonly drained: Promise<void>;
  readonly closed: Promise<PortalError | undefined>;
  #drained = Promise.withResolvers<undefined>();
  #closed = Promise.withResolvers<PortalError | undefined>();
  #target = Infinity;
  #reached: (() => void) | undefined;

  constructor(carrier: Carrier) {
    this.drained = this.#drained.promise;
    this.closed = this.#closed.promise;
    carrier.setHandler(this);
  }
  data(chunk: Buffer): void {
    this.chunks.push(Buffer.from(chunk)); // the buffer is reused
    this.bytes += chunk.length;
    if (this.bytes >= this.#target) this.#reached?.();
  }
  drain(): void {
    this.#drained.resolve(undefined);
  }
  close(error: PortalError | undefined): void {
    this.#closed.resolve(error);
  }
  async received(bytes: number): Promise<Buffer> {
    if (this.bytes < bytes) {
      this.#target = bytes;
      await new Promise<void>((resolve) => (this.#reached = resolve));
    }
    return Buffer.concat(this.chunks);
  }
}

function patterned(length: number, start: number): Buffer {
  return Buffer.from(Uint8Array.from({ length }, (_, index) => (start + index * 7) & 255));
}

for (const direction of ['client to server', 'server to client'] as const) {
  test(`pieces of every size arrive unchanged and in order, ${direction}`, async () => {
    const [client, server] = await pair();
    const [sender, receiver] = direction === 'client to server' ? [client, server] : [server, client];
    const recorder = new Recorder(receiver);
    const sizes = [
      12, 0, 4095, 1, 4096, 12, 70_000, 3, 12, 40_000, 4000, 4000, 4000, 4000, 4000, 4000, 4000, 4000, 4000, 5,
    ];
    const pieces = sizes.map((size, index) => patterned(size, index));
    const wanted = Buffer.concat(pieces);
    sender.send(pieces, wanted.length);
    sender.send([wanted.subarray(0, 100)], 100);
    const got = await recorder.received(wanted.length + 100);
    assert.ok(got.equals(Buffer.concat([wanted, wanted.subarray(0, 100)])));
  });
}

test('small pieces of one send() share a message; large ones are not copied into it', async () => {
  const sizes: number[] = [];
  const enough = Promise.withResolvers<undefined>();
  const url = await serve(({ ws }) => {
    ws.on('message', (data: Buffer) => {
      sizes.push(data.length);
      if (sizes.length === 3) enough.resolve(undefined);
    });
  });
  const carrier = await connect(url);
  carrier.send([Buffer.alloc(12), Buffer.alloc(500), Buffer.alloc(12), Buffer.alloc(20_000), Buffer.alloc(12)], 20_536);
  await enough.promise;
  assert.deepEqual(sizes, [524, 20_000, 12]);
});

test('send() does not modify the caller’s pieces', async () => {
  const [client, server] = await pair();
  const recorder = new Recorder(server);
  const small = patterned(100, 1);
  const large = patterned(20_000, 2);
  client.send([small, large], 20_100);
  await recorder.received(20_100);
  assert.ok(small.equals(patterned(100, 1)));
  assert.ok(large.equals(patterned(20_000, 2)));
});

test('text messages, fragments and empty messages are treated as bytes', async () => {
  const url = await serve(({ ws }) => {
    ws.send('text €');
    ws.send(Buffer.alloc(0));
    ws.send(Buffer.from('frag'), { fin: false });
    ws.send(Buffer.from('ments'), { fin: true });
    ws.send(Buffer.from([0xff, 0xfe]), { binary: false }); // text that is not UTF-8
  });
  const recorder = new Recorder(await connect(url));
  const got = await recorder.received(19);
  assert.equal(got.subarray(0, 17).toString(), 'text €fragments');
  assert.deepEqual([...got.subarray(17)], [0xff, 0xfe]);
});

test('holds data that arrives before a handler is set, and then the end', async () => {
  const url = await serve(({ ws }) => {
    ws.send(Buffer.from('early'));
    ws.close(1000);
  });
  const carrier = await connect(url);
  await new Promise((resolve) => setImmediate(resolve));
  const recorder = new Recorder(carrier);
  assert.equal(recorder.bytes, 0, 'not from within setHandler()');
  assert.equal(await recorder.closed, undefined);
  assert.equal(Buffer.concat(recorder.chunks).toString(), 'early');
});

test('closes a connection that floods before a handler is set', async () => {
  const gone = Promise.withResolvers<undefined>();
  const url = await serve(({ ws }) => {
    ws.on('close', () => {
      gone.resolve(undefined);
    });
    ws.on('error', () => undefined);
    for (let i = 0; i < 40; i += 1) ws.send(Buffer.alloc(65_536));
  });
  const carrier = await connect(url);
  await gone.promise;
  const error = await new Recorder(carrier).closed;
  assert.equal(error?.code, 'carrier_closed');
});

test('send() returns false above the high-water mark, and drain() is called when the peer reads on', async () => {
  let peer: Socket | undefined;
  const url = await serve(({ ws, socket }) => {
    peer = socket;
    socket.pause();
    ws.on('message', () => undefined);
  });
  const carrier = await connect(url, { highWaterBytes: 262_144 });
  const recorder = new Recorder(carrier);
  let sent = 0;
  while (carrier.send([Buffer.alloc(65_536)], 65_536)) {
    sent += 65_536;
    // The kernel takes some megabytes before bytes queue in the process.
    await new Promise((resolve) => setImmediate(resolve));
    assert.ok(sent < 64 * 1_048_576, 'a peer that never reads blocks the sender');
  }
  assert.ok(carrier.bufferedBytes >= 262_144);
  assert.ok(carrier.bufferedBytes < 262_144 + 2 * 65_600, 'the mark is overshot by one send at most');
  peer?.resume();
  await recorder.drained;
  assert.equal(carrier.bufferedBytes, 0);
});

test('close() flushes sent data and ends the connection in order', async () => {
  const [client, server] = await pair();
  const atClient = new Recorder(client);
  const atServer = new Recorder(server);
  client.send([Buffer.alloc(3_000_000)], 3_000_000);
  client.close();
  client.close();
  assert.equal(client.send([Buffer.alloc(5)], 5), true, 'ignored after close()');
  assert.equal(await atServer.closed, undefined);
  assert.equal(atServer.bytes, 3_000_000);
  const notified = await Promise.race([
    atClient.closed.then(() => 'notified'),
    new Promise((resolve) => setImmediate(resolve)),
  ]);
  assert.equal(notified, undefined, 'the closing side is not notified');
});

test('close() cuts off a peer that never reads after the grace period', async () => {
  const cut = Promise.withResolvers<undefined>();
  const url = await serve(({ ws, socket }) => {
    socket.pause();
    ws.on('error', () => undefined);
  });
  const carrier = await connect(url, { closeGraceMs: 20, highWaterBytes: 1 });
  new Recorder(carrier);
  carrier.send([Buffer.alloc(32_000_000)], 32_000_000);
  carrier.close();
  const watch = setInterval(() => {
    if (carrier.bufferedBytes === 0) cut.resolve(undefined);
  }, 5);
  await cut.promise;
  clearInterval(watch);
});

test('a broken connection is carrier_closed with code 1006', async () => {
  const url = await serve(({ socket }) => {
    setImmediate(() => socket.destroy());
  });
  const error = await new Recorder(await connect(url)).closed;
  assert.equal(error?.code, 'carrier_closed');
  assert.match(error.message, /code 1006/);
});

test('a peer that closes with an error code is carrier_closed', async () => {
  const url = await serve(({ ws }) => {
    ws.close(1011, 'broken');
  });
  const error = await new Recorder(await connect(url)).closed;
  assert.equal(error?.code, 'carrier_closed');
  assert.match(error.message, /code 1011/);
});

test('a message over the limit and a malformed frame end the carrier', async () => {
  const large = await serve(({ ws }) => {
    ws.send(Buffer.alloc(70_000));
  });
  const tooLarge = await new Recorder(await connect(large, { maxMessageBytes: 65_536 })).closed;
  assert.equal(tooLarge?.code, 'carrier_closed');
  const malformed = await serve(({ socket }) => {
    socket.write(Buffer.from([0xff, 0x01, 0x00]));
  });
  const broken = await new Recorder(await connect(malformed)).closed;
  assert.equal(broken?.code, 'carrier_closed');
  assert.ok(broken.cause instanceof RangeError);
});

test('remote names the peer on both sides', async () => {
  const [client, server] = await pair();
  assert.match(client.remote, /^127\.0\.0\.1:\d+$/);
  assert.match(server.remote, /^127\.0\.0\.1:\d+$/);
  assert.notEqual(client.remote, server.remote);
});
