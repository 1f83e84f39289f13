// Apps that the test scripts, and ways to wait for the next event of a connection.
import { once, type EventEmitter } from 'node:events';
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import type { Writable } from 'node:stream';
import type { TestContext } from 'node:test';

/** An app that hands its responses to the test. */
export function handedOver(): {
  readonly serve: RequestListener;
  readonly next: () => Promise<[IncomingMessage, ServerResponse]>;
} {
  const waiting: ((pair: [IncomingMessage, ServerResponse]) => void)[] = [];
  const ready: [IncomingMessage, ServerResponse][] = [];
  return {
    serve: (request, response) => {
      const taker = waiting.shift();
      if (taker === undefined) ready.push([request, response]);
      else taker([request, response]);
    },
    next: () => {
      const pair = ready.shift();
      return pair === undefined ? new Promise((resolve) => waiting.push(resolve)) : Promise.resolve(pair);
    },
  };
}

/** Unlike events.once, does not reject on an error that comes first. */
export function closed(emitter: EventEmitter): Promise<void> {
  return new Promise((resolve) => emitter.once('close', resolve));
}

/** Resolves when the peer of a destroyed TCP connection sees its end or a reset. */
export function over(socket: Socket): Promise<void> {
  return new Promise((resolve) => socket.once('end', resolve).once('close', resolve).resume());
}

/** Resolves once the value has not changed for 50 turns. */
export async function settled(value: () => number): Promise<number> {
  let before = -1;
  let same = 0;
  while (same < 50) {
    const now = value();
    same = now === before ? same + 1 : 0;
    before = now;
    await new Promise((resolve) => setImmediate(resolve));
  }
  return before;
}

/**
 * Writes `total` bytes, waits for back-pressure to block the writer, and ends the stream after the
 * last byte. Resolves with the bytes written when it was blocked.
 */
export function writeUntilBlocked(stream: Writable, total: number): Promise<number> {
  const piece = Buffer.alloc(65_536, 'x');
  let written = 0;
  const more = (): void => {
    while (written < total) {
      written += piece.length;
      if (!stream.write(piece)) {
        stream.once('drain', more);
        return;
      }
    }
    stream.end();
  };
  more();
  return settled(() => written);
}

/** An app without node:http. */
export async function rawApp(
  t: Pick<TestContext, 'after'>,
  serve: (socket: Socket, received: string) => void,
  greet: (socket: Socket) => void = () => undefined,
): Promise<number> {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => undefined);
    greet(socket);
    socket.on('data', (chunk) => {
      serve(socket, chunk.toString('latin1'));
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  return (server.address() as AddressInfo).port;
}
