import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { test, type TestContext } from 'node:test';
import { StreamPipe } from './stream-pipe.ts';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Two ends of a TCP connection: the pipe, and the socket of its peer. */
async function pair(
  t: TestContext,
): Promise<{ readonly pipe: StreamPipe; readonly socket: Socket; readonly peer: Socket }> {
  const server = createServer({ allowHalfOpen: true });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const accepted = once(server, 'connection');
  const socket = connect({ port: (server.address() as AddressInfo).port, host: '127.0.0.1', allowHalfOpen: true });
  await once(socket, 'connect');
  const [peer] = (await accepted) as [Socket];
  peer.on('error', () => undefined);
  t.after(() => {
    socket.destroy();
    peer.destroy();
    server.close();
  });
  return { pipe: new StreamPipe(socket), socket, peer };
}

/** Waits for events of the pipe. */
class Listener {
  received = '';
  drains = 0;
  ended = false;
  readonly closed: Promise<Error | undefined>;

  constructor(pipe: StreamPipe) {
    const { promise, resolve } = Promise.withResolvers<Error | undefined>();
    this.closed = promise;
    pipe.setHandler({
      data: (chunk) => {
        assert.equal(this.ended, false);
        this.received += chunk.toString();
      },
      end: () => {
        this.ended = true;
      },
      drain: () => {
        this.drains += 1;
      },
      closed: resolve,
    });
  }

  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await turn();
  }
}

test('carries bytes in both directions, and each direction ends separately', async (t) => {
  const { pipe, peer } = await pair(t);
  const listener = new Listener(pipe);
  peer.end('from the peer');
  await listener.until(() => listener.ended);
  assert.equal(listener.received, 'from the peer');
  pipe.write(Buffer.from('from '));
  pipe.write(Buffer.from('the pipe'));
  pipe.end();
  pipe.end();
  let got = '';
  for await (const chunk of peer) got += String(chunk);
  assert.equal(got, 'from the pipe');
  assert.equal(await listener.closed, undefined);
  assert.deepEqual([pipe.bytesSent, pipe.bytesReceived, pipe.closed], [13, 13, true]);
});

test('a paused pipe delivers nothing, not even the end, until it resumes', async (t) => {
  const { pipe, peer } = await pair(t);
  const listener = new Listener(pipe);
  pipe.pause();
  peer.end('later');
  for (let turns = 0; turns < 20; turns += 1) await turn();
  assert.deepEqual([listener.received, listener.ended], ['', false]);
  pipe.resume();
  await listener.until(() => listener.ended);
  assert.equal(listener.received, 'later');
});

test('write() reports a full socket, and drain() reports room', async (t) => {
  const { pipe, peer } = await pair(t);
  const listener = new Listener(pipe);
  peer.pause();
  while (pipe.write(Buffer.alloc(65_536)));
  assert.equal(pipe.needsDrain, true);
  peer.resume();
  await listener.until(() => listener.drains > 0);
});

test('reports a reset by the peer once, with its error', async (t) => {
  const { pipe, peer } = await pair(t);
  const listener = new Listener(pipe);
  pipe.write(Buffer.from('x'));
  await once(peer, 'data');
  peer.resetAndDestroy();
  const error = await listener.closed;
  assert.equal((error as NodeJS.ErrnoException).code, 'ECONNRESET');
  assert.equal(listener.ended, false);
});

test('data written in the tick of destroy() is not sent', async (t) => {
  const { pipe } = await pair(t);
  const listener = new Listener(pipe);
  pipe.write(Buffer.from('x'));
  pipe.destroy();
  assert.equal(await listener.closed, undefined);
  assert.equal(pipe.bytesSent, 0);
});

test('data written before both directions ended is sent, even if the pipe is then destroyed', async (t) => {
  const { pipe, peer } = await pair(t);
  const listener = new Listener(pipe);
  peer.pause();
  const total = 16 * 1024 * 1024;
  pipe.write(Buffer.alloc(total));
  pipe.end();
  peer.end();
  await listener.until(() => listener.ended);
  pipe.destroy();
  let got = 0;
  for await (const chunk of peer) got += (chunk as Buffer).length;
  assert.equal(got, total);
});

test('a handler replaced within its data() leaves the rest to the new one', async (t) => {
  const { pipe, peer } = await pair(t);
  let first = '';
  let later: Listener | undefined = undefined as Listener | undefined;
  pipe.setHandler({
    data: (chunk) => {
      first += chunk.toString();
      later = new Listener(pipe);
    },
    end: () => assert.fail('the first handler was replaced'),
    drain: () => undefined,
    closed: () => undefined,
  });
  peer.write('first');
  while (later === undefined) await turn();
  const second = later;
  peer.end('second');
  await second.until(() => second.ended);
  assert.deepEqual([first, second.received], ['first', 'second']);
});
