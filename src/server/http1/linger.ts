// Owns the polite end of a client's connection on which input may still be unread: closed at once it would be reset, and the
// reset can overtake the answer (RFC 9112 §9.6).
import type { Socket } from 'node:net';

/** As long as common servers wait for a client to notice that its request was refused. */
const lingerMs = 5_000;

/**
 * For a client that is sent nothing: long enough for a request that crossed the FIN to meet a closed connection and not a reset one.
 */
const idleLingerMs = 1_000;

export function endIdle(socket: Socket): void {
  endSoon(socket, idleLingerMs);
}

/** Idempotent. FIN behind what was written; what still comes is dropped; the cut when the client has ended too, or after the wait. */
export function endSoon(socket: Socket, waitMs: number = lingerMs): void {
  if (socket.destroyed || socket.writableEnded) return;
  const timer = setTimeout(() => {
    socket.destroy();
  }, waitMs);
  timer.unref();
  socket.once('close', () => {
    clearTimeout(timer);
  });
  socket.end();
  socket.resume();
}

/** Node ends a connection after its last answer by destroySoon(), which does not wait for the client. */
export function endSoonInsteadOfAtOnce(socket: Socket): void {
  socket.destroySoon = () => {
    endSoon(socket);
  };
}
