// Closes client connections gracefully. If unread input remains, an immediate close causes a reset,
// which can overtake the response (RFC 9112 §9.6).
import type { Socket } from 'node:net';

/** As long as common servers wait for a client to notice that its request was rejected. */
const lingerMs = 5_000;

/**
 * For a client that is sent nothing: long enough for a request that crossed the FIN to meet a
 * closed connection instead of a reset.
 */
const idleLingerMs = 1_000;

export function endIdle(socket: Socket): void {
  endSoon(socket, idleLingerMs);
}

/**
 * Sends FIN after the pending output and drops further input. Closes the socket when the client has
 * ended as well, or after `waitMs`. Idempotent.
 */
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

/**
 * Node ends a connection after its last response with destroySoon(), which does not wait for the
 * client.
 */
export function endSoonInsteadOfAtOnce(socket: Socket): void {
  socket.destroySoon = () => {
    endSoon(socket);
  };
}
