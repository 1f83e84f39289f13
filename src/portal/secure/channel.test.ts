import assert from 'node:assert/strict';
import { createCipheriv, type KeyObject, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import process from 'node:process';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { describe, it } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import fc from 'fast-check';
import { channelPair, handshakePair } from '../../../test/helpers/channel-pair.ts';
import { memoryPipePair } from '../../../test/helpers/memory-pipe.ts';
import { collect, failure, oneChannel, settle } from '../../../test/helpers/one-channel.ts';
import { piecesOf } from '../../../test/helpers/pieces.ts';
import { portalError } from '../../../test/helpers/portal-error.ts';
import { PortalError } from '../errors.ts';
import { SecureChannel } from './channel.ts';
import { SecurePipe } from './secure-pipe.ts';
import { FrameSealer } from './frame-sealer.ts';
import { overheadBytes } from './frame-format.ts';
import { HeaderPool } from './header-pool.ts';

const wireOverheadBytes = 4 + overheadBytes;

describe('a tunnel', () => {
  it('carries any sequence of writes, both ways at once, however split', async () => {
    const writes = fc.array(
      fc.oneof(
        { weight: 5, arbitrary: fc.integer({ min: 0, max: 200 }) },
        { weight: 1, arbitrary: fc.integer({ min: 0, max: 150_000 }) },
      ),
      { maxLength: 15 },
    );
    await fc.assert(
      fc.asyncProperty(
        writes,
        writes,
        fc.array(fc.integer({ min: 1, max: 50_000 }), { minLength: 1, maxLength: 8 }),
        fc.boolean(),
        async (up, down, sizes, pauses) => {
          let index = 0;
          const chunkBytes = (): number => sizes[index++ % sizes.length] ?? 1;
          const { client, server } = channelPair({ windowBytes: 64 * 1024, highWaterMarkBytes: 40_000, chunkBytes });
          const send = async (channel: SecureChannel, lengths: number[]): Promise<Buffer> => {
            const sent = lengths.map((length) => randomBytes(length));
            for (const chunk of sent) {
              if (!channel.write(chunk)) await once(channel, 'drain');
              if (pauses) await turn();
            }
            channel.end();
            return Buffer.concat(sent);
          };
          const [sentUp, sentDown, gotDown, gotUp] = await Promise.all([
            send(client, up),
            send(server, down),
            collect(client),
            collect(server),
          ]);
          assert.ok(gotUp.equals(sentUp) && gotDown.equals(sentDown));
          assert.equal(client.bytesSent, sentUp.length);
          assert.equal(server.bytesSent, sentDown.length);
        },
      ),
      { numRuns: 60, seed: 3 },
    );
  });

  it('knows the identity of the peer', () => {
    const { client, server, results } = channelPair();
    assert.equal(client.peerId, results.client.peerId);
    assert.equal(server.peerId, results.server.peerId);
    assert.equal(client.alpn, 'http/1.1');
  });

  it('combines all writes of one tick into one frame', async () => {
    const { client, clientPipe } = channelPair();
    client.write('GET / HTTP/1.1\r\n');
    process.nextTick(() => client.write('host: app\r\n'));
    client.write('\r\n');
    await settle();
    // Writes from nextTick callbacks queued before the flush of the first write are included; later
    // ones form the next frame.
    assert.equal(clientPipe.seen.sentBytes, 'GET / HTTP/1.1\r\nhost: app\r\n\r\n'.length + 2 * wireOverheadBytes);
    const before = clientPipe.seen.sentBytes;
    for (let i = 0; i < 500; i += 1) client.write('x');
    await settle();
    assert.equal(clientPipe.seen.sentBytes - before, 500 + wireOverheadBytes);
  });

  it('counts only bytes passed to the pipe as sent', async () => {
    const { channel, peer } = oneChannel();
    channel.write('unsent');
    assert.equal(channel.bytesSent, 0);
    channel.destroy();
    await settle();
    assert.deepEqual([channel.bytesSent, peer.seen.sentBytes], [0, 0]);
    const other = oneChannel().channel;
    other.write('sent');
    await settle();
    assert.equal(other.bytesSent, 4);
  });

  it('sends no frame for an empty write', async () => {
    const { client, clientPipe } = channelPair();
    client.write('');
    client.end();
    await settle();
    assert.equal(clientPipe.seen.sentBytes, 0);
  });

  it('ignores an empty frame instead of treating it as the end', async () => {
    const { channel, peer, seal, peerKey } = oneChannel();
    const received = collect(channel);
    peer.write([emptyFrame(peerKey), seal('after'), emptyFrame(peerKey)]);
    peer.end();
    assert.equal((await received).toString(), 'after');
  });

  it('delivers bytes received with the handshake first, and credits them once', async () => {
    const results = handshakePair();
    const [clientPipe, serverPipe] = memoryPipePair();
    const frame = Buffer.concat(
      new FrameSealer(results.server.sendKey, new HeaderPool()).seal([Buffer.from('first, ')]),
    );
    serverPipe.write([frame.subarray(20)]);
    const client = new SecureChannel(
      new SecurePipe(clientPipe, { result: results.client, initial: frame.subarray(0, 20) }),
    );
    const server = new SecureChannel(new SecurePipe(serverPipe, { result: results.server }));
    server.end('second');
    assert.equal((await collect(client)).toString(), 'first, second');
  });
});

/** Our writer never sends empty frames. */
function emptyFrame(key: KeyObject): Buffer {
  const nonce = randomBytes(12);
  const cipher = createCipheriv('chacha20-poly1305', key, nonce, { authTagLength: 16 });
  cipher.final();
  return Buffer.concat([Buffer.from('0000001c', 'hex'), nonce, cipher.getAuthTag()]);
}

describe('the end of a tunnel', () => {
  it('is one-way: the other direction stays open', async () => {
    const { client, server } = channelPair();
    client.end('question');
    assert.equal((await collect(server)).toString(), 'question');
    server.end('answer');
    assert.equal((await collect(client)).toString(), 'answer');
  });

  it('resets nothing after both sides ended in order', async () => {
    const { client, server, clientPipe, serverPipe } = channelPair();
    client.end();
    server.end('all of it');
    client.resume();
    server.resume();
    await Promise.all([once(client, 'close'), once(server, 'close')]);
    assert.deepEqual([clientPipe.seen.reset, serverPipe.seen.reset], [false, false]);
  });

  it('ends this side too if half-open is not allowed', async () => {
    const { client, server, clientPipe, serverPipe } = channelPair({}, { allowHalfOpen: false });
    client.resume();
    server.end();
    await once(client, 'close');
    await settle();
    assert.deepEqual([serverPipe.seen.fin, clientPipe.seen.reset], [true, false]);
  });

  it('follows everything written', async () => {
    const { client, server } = channelPair({ windowBytes: 1000, highWaterMarkBytes: 500 });
    const sent = randomBytes(300_000);
    client.write(sent.subarray(0, 10));
    client.end(sent.subarray(10));
    assert.ok((await collect(server)).equals(sent));
  });

  it('resets the stream on destroy(), which the other side reports', async () => {
    const { client, server, clientPipe } = channelPair();
    server.resume();
    client.write('x');
    await settle();
    client.destroy();
    const error = await failure(server);
    assert.ok(portalError('stream_reset')(error));
    assert.equal(clientPipe.seen.reset, true);
  });

  it('fails a pending write on destroy()', async () => {
    const { channel } = oneChannel({ highWaterMarkBytes: 10, windowBytes: 10 });
    channel.write(randomBytes(1000));
    await settle();
    const outcome = new Promise((resolve) => channel.write('waits', resolve));
    channel.destroy();
    assert.ok(portalError('stream_aborted')(await outcome));
  });

  it('reports the error that ended the pipe', async () => {
    const { client, clientPipe } = channelPair();
    clientPipe.fail(new PortalError('keepalive_timeout', 'the relay is silent'));
    assert.ok(portalError('keepalive_timeout')(await failure(client)));
    assert.equal(clientPipe.seen.reset, false);
  });

  for (const cut of [1, 3, 4, 15, 16, 20, 36]) {
    it(`within a frame is a truncation, never an orderly end: ${cut} of 37 bytes`, async () => {
      const { channel, peer, seal } = oneChannel();
      channel.resume();
      channel.on('end', () => assert.fail('looked like an end'));
      peer.write([seal('whole').subarray(0, cut)]);
      peer.end();
      assert.ok(portalError('stream_truncated')(await failure(channel)));
    });
  }

  it('follows a frame that fails to open at once: nothing of it is released, and the stream is reset', async () => {
    const { channel, pipe, peer, seal } = oneChannel();
    const received: Buffer[] = [];
    channel.on('data', (chunk: Buffer) => received.push(chunk));
    const bad = seal('bad!');
    bad.writeUInt8(bad.readUInt8(18) ^ 4, 18);
    peer.write([seal('good'), bad, seal('later')]);
    assert.ok(portalError('frame_malformed')(await failure(channel)));
    assert.equal(Buffer.concat(received).toString(), 'good');
    assert.equal(pipe.seen.reset, true);
  });

  it('follows a length beyond the protocol at once', async () => {
    const { channel, peer } = oneChannel();
    channel.resume();
    peer.write([Buffer.from('04000001', 'hex')]);
    assert.ok(portalError('frame_malformed')(await failure(channel)));
  });

  it('follows bad bytes after the handshake as an error event, never thrown by the constructor', async () => {
    const [pipe] = memoryPipePair();
    const initial = Buffer.from('00000001', 'hex');
    const client = new SecureChannel(new SecurePipe(pipe, { result: handshakePair().client, initial }));
    assert.ok(portalError('frame_malformed')(await failure(client)));
  });
});

describe('back-pressure', () => {
  it('lets a peer fill one window and no more while the reader is paused, then continues', async () => {
    const windowBytes = 256 * 1024;
    const { client, server, clientPipe, serverPipe } = channelPair({ windowBytes, highWaterMarkBytes: 64 * 1024 });
    const sent = randomBytes(4 * 1024 * 1024);
    const sending = pipeline(Readable.from(piecesOf(sent, 16 * 1024)), server);
    await settle();
    client.read(0);
    await settle();
    const stalledAt = serverPipe.seen.sentBytes;
    await settle();
    assert.equal(serverPipe.seen.sentBytes, stalledAt);
    // The reader's high-water mark, the bytes credited before it was reached, and one window.
    assert.ok(client.readableLength <= client.readableHighWaterMark + windowBytes, `${client.readableLength} buffered`);
    assert.ok(clientPipe.seen.maxUnconsumedBytes <= windowBytes);
    assert.ok(server.writableNeedDrain);
    assert.ok((await collect(client)).equals(sent));
    await sending;
  });

  it('blocks a writer while the pipe is full', async () => {
    const { client, server } = channelPair({ windowBytes: 64 * 1024, highWaterMarkBytes: 64 * 1024 });
    const endless = new Readable({
      read() {
        this.push(Buffer.alloc(8192));
      },
    });
    endless.pipe(client);
    await settle();
    // The bytes of the endless writer: the window, the pipe's mark and what one tick gathers.
    const stalledAt = client.bytesSent;
    assert.ok(stalledAt < 512 * 1024, `${stalledAt} sent`);
    await settle();
    assert.equal(client.bytesSent, stalledAt);
    server.resume();
    await settle();
    assert.ok(client.bytesSent > stalledAt);
    endless.destroy();
    server.on('error', () => undefined);
    client.destroy();
  });

  it('accepts a frame longer than the window', async () => {
    const { channel, peer, seal } = oneChannel({ windowBytes: 64 * 1024 });
    const plaintext = randomBytes(1024 * 1024);
    peer.write([seal(plaintext)]);
    peer.end();
    assert.ok((await collect(channel)).equals(plaintext));
  });

  it('rejects a frame over the limit set by its owner', async () => {
    const { channel, peer, seal } = oneChannel({}, { maxFrameBytes: 100_000 });
    channel.resume();
    peer.write([seal(randomBytes(100_001))]);
    assert.ok(portalError('frame_malformed')(await failure(channel)));
  });
});
