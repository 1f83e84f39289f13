// Reads the PROXY protocol header at the start of a connection, within a time limit, and leaves the
// bytes after it in the socket.
import type { Socket } from 'node:net';
import { type ProxySource, readProxyHeader } from './proxy-protocol.ts';

export interface PrefaceHandlers {
  /** The socket is paused; only the header was consumed. */
  readonly arrived: (source: ProxySource) => void;
  /** The header is malformed or missing, or did not arrive in time. */
  readonly failed: () => void;
}

/** Most headers are shorter than this. */
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
    // Doubles the buffer, so that many small pieces cost no more than one large one.
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
