// Owns the time before a proxied connection speaks HTTP: waits for the PROXY protocol header, takes it off, and leaves the rest.
import type { Socket } from 'node:net';
import { type ProxySource, readProxyHeader } from './proxy-protocol.ts';

export interface PrefaceHandlers {
  /** Undefined: the proxy speaks for itself. The socket is paused; nothing but the header is gone from it. */
  readonly arrived: (source: ProxySource | undefined) => void;
  /** No such header, or not in time. */
  readonly failed: () => void;
}

export function takeProxyHeader(socket: Socket, withinMs: number, handlers: PrefaceHandlers): void {
  let received: Buffer = Buffer.alloc(0);
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
    received = received.length === 0 ? chunk : Buffer.concat([received, chunk]);
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
