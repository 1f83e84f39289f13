// Owns the time before a proxied connection speaks HTTP: waits for the PROXY protocol header, takes it off, and leaves the rest.
import type { Socket } from 'node:net';
import { type ProxySource, readProxyHeader } from './proxy-protocol.ts';

export interface PrefaceHandlers {
  /** The socket is paused; nothing but the header is gone from it. */
  readonly arrived: (source: ProxySource) => void;
  /** No such header, or not in time. */
  readonly failed: () => void;
}

/** Most headers are shorter. */
const firstBytes = 256;

export function takeProxyHeader(socket: Socket, withinMs: number, handlers: PrefaceHandlers): void {
  let buffer = Buffer.alloc(firstBytes);
  let length = 0;
  const timer = setTimeout(finish, withinMs, handlers.failed);
  timer.unref();

  function finish(then: () => void): void {
    clearTimeout(timer);
    socket.off('data', take).off('end', giveUp).off('close', giveUp).pause();
    then();
  }
  function giveUp(): void {
    finish(handlers.failed);
  }
  function take(chunk: Buffer): void {
    // Twice as large each time: many small pieces cost no more than one large one.
    if (length + chunk.length > buffer.length) {
      buffer = Buffer.concat([buffer.subarray(0, length)], Math.max(2 * buffer.length, length + chunk.length));
    }
    length += chunk.copy(buffer, length);
    const received = buffer.subarray(0, length);
    const header = readProxyHeader(received);
    if (header.kind === 'incomplete') return;
    if (header.kind === 'malformed') {
      giveUp();
      return;
    }
    finish(() => {
      if (received.length > header.bytes) socket.unshift(received.subarray(header.bytes));
      handlers.arrived(header.source);
    });
  }
  socket.on('data', take).on('end', giveUp).on('close', giveUp);
}
