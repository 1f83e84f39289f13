// A drain must not lose a request on the TLS port, whether it arrives within the handshake or on an
// HTTP/2 connection that got a GOAWAY.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { constants } from 'node:http2';
import { connect as connectTcp, type Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { test, type TestContext } from 'node:test';
import { connect as connectTls } from 'node:tls';
import { certificate } from '../helpers/certificates.ts';
import { errorCode, flag, frameType } from '../helpers/http2-frames.ts';
import { RawHttp2 } from '../helpers/http2-raw.ts';
import { KeepAliveClient } from '../helpers/keep-alive-client.ts';
import { ask, get, startSecureGateway, type SecureGateway } from '../helpers/secure-gateway.ts';
import { closed, over } from '../helpers/scripted-app.ts';

/** Longer than anything here takes on a busy machine; no test waits for it. */
const longMs = 60_000;

function start(t: TestContext, drainLingerMs: number): Promise<SecureGateway> {
  return startSecureGateway(t, (request, response) => response.end(`app ${request.url ?? ''}`), {
    policy: { limits: { drainLingerMs, readHeaderTimeoutMs: longMs } },
  });
}

/** A connection that sends only the given number of bytes until it is released. */
class HeldConnection extends Duplex {
  readonly #socket: Socket;
  #allowedBytes: number;
  #held: Buffer[] = [];

  constructor(socket: Socket, allowedBytes: number) {
    super();
    this.#socket = socket;
    this.#allowedBytes = allowedBytes;
    socket
      .on('data', (chunk) => this.push(chunk))
      .on('end', () => this.push(null))
      .on('error', () => undefined)
      .on('close', () => this.destroy());
  }

  release(): void {
    this.#allowedBytes = Number.POSITIVE_INFINITY;
    this.#socket.write(Buffer.concat(this.#held));
  }

  override _write(chunk: Buffer, _: BufferEncoding, callback: () => void): void {
    const now = chunk.subarray(0, this.#allowedBytes);
    this.#allowedBytes -= now.length;
    if (now.length > 0) this.#socket.write(now);
    if (now.length < chunk.length) this.#held.push(chunk.subarray(now.length));
    callback();
  }

  override _final(callback: () => void): void {
    this.#socket.end();
    callback();
  }

  override _read(): void {
    // Data is pushed as it arrives.
  }
}

for (const allowedBytes of [1, 100]) {
  for (const alpn of ['http/1.1', 'h2']) {
    test(`completes a handshake of which ${allowedBytes} bytes have arrived when the drain begins, and serves a request: ${alpn}`, async (t) => {
      const { port, gateway, dial } = await start(t, 200);
      const socket = connectTcp(port, '127.0.0.1');
      t.after(() => socket.destroy());
      const held = new HeldConnection(socket, allowedBytes);
      const tls = connectTls({ socket: held, ca: certificate.cert, servername: 'localhost', ALPNProtocols: [alpn] });
      const secured = once(tls, 'secureConnect');
      // After these complete handshakes the gateway has read all data, and the other connection has
      // outlived the linger.
      (await dial()).destroy();
      const silent = connectTcp(port, '127.0.0.1').on('error', () => undefined);
      await once(silent, 'connect');
      const drained = gateway.drain(longMs);
      await over(silent);
      held.release();
      await secured;
      if (alpn === 'h2') {
        const client = await new RawHttp2(tls).greet();
        client.request(1, get('/x'));
        assert.equal(await client.goaway(), errorCode.none);
        assert.equal(client.body(1), 'app /x');
      } else {
        const client = new KeepAliveClient(tls);
        client.send('/peer/app/x');
        assert.deepEqual(await client.response(), { status: 200, body: 'app /x', closes: true });
      }
      await drained;
    });
  }
}

test('on HTTP/2 serves every stream or gives it a higher id than the GOAWAY, whenever the client opens it', async (t) => {
  for (const opened of ['before the drain', 'while it lingers', 'as it ends']) {
    const lingerMs = 100;
    const { raw2, gateway } = await start(t, lingerMs);
    const all = await Promise.all(Array.from({ length: 16 }, () => raw2()));
    // The ids of one connection are sent in pairs, with other work of the event loop in between.
    const open = (id: number): void => {
      for (const client of all) {
        client.request(id, get(`/${id}`));
        client.request(id + 2, get(`/${id + 2}`));
      }
    };
    if (opened === 'before the drain') open(1);
    const drained = gateway.drain(longMs);
    if (opened === 'while it lingers') setTimeout(open, lingerMs / 2, 1);
    if (opened === 'as it ends') for (let i = 0; i < 40; i += 1) setTimeout(open, lingerMs - 20 + i, 1 + 4 * i);
    await drained;
    for (const client of all) {
      await client.goaway();
      const { payload } = await client.frame(({ type }) => type === frameType.goaway);
      assert.equal(payload.readUInt32BE(4), errorCode.none);
      const last = payload.readUInt32BE(0);
      const served = new Set(
        client.received
          .filter(({ stream, flags }) => stream !== 0 && (flags & flag.endStream) !== 0)
          .map(({ stream }) => stream),
      );
      // All streams up to the last id are served, and none above it.
      assert.deepEqual(
        [...served].sort((a, b) => a - b),
        Array.from({ length: (last + 1) / 2 }, (_, i) => 2 * i + 1),
      );
      if (opened !== 'as it ends') assert.equal(last, 3);
    }
  }
});

test('on HTTP/2 serves a stream that arrives before the end of gateway.drain_linger, however late it is read', async (t) => {
  const lingerMs = 50;
  const { raw2, gateway } = await start(t, lingerMs);
  const client = await raw2();
  const drained = gateway.drain(longMs);
  setImmediate(() => {
    const untilMs = performance.now() + 2 * lingerMs;
    while (performance.now() < untilMs);
    client.request(1, get('/late'));
  });
  assert.equal(await client.goaway(), errorCode.none);
  assert.deepEqual([client.status(1), client.body(1)], [200, 'app /late']);
  await drained;
});

test('an HTTP/2 client that resends what the GOAWAY reports as unprocessed loses nothing', async (t) => {
  const { session, gateway } = await start(t, 100);
  const client = await session();
  const count = { served: 0, refused: 0, lost: 0 };
  const work = async (): Promise<void> => {
    while (!client.closed) {
      const stream = ask(client, '/x');
      let body = '';
      stream.setEncoding('utf8').on('data', (piece: string) => (body += piece));
      await closed(stream);
      if (stream.rstCode === constants.NGHTTP2_NO_ERROR && body === 'app /x') count.served += 1;
      else count[stream.rstCode === constants.NGHTTP2_REFUSED_STREAM && body === '' ? 'refused' : 'lost'] += 1;
    }
  };
  const working = Array.from({ length: 8 }, work);
  await gateway.drain(longMs);
  await Promise.all(working);
  assert.ok(count.served > 0 && count.refused <= working.length && count.lost === 0, JSON.stringify(count));
});
