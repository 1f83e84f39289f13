// Closes client connections without a response, or after their last one.
import type { Socket } from 'node:net';
import { endSoon } from '../../kernel/net/linger.ts';

/**
 * For a client that is sent nothing: long enough for a request that crossed the FIN to meet a
 * closed connection instead of a reset.
 */
const idleLingerMs = 1_000;

export function endIdle(socket: Socket): void {
  endSoon(socket, idleLingerMs);
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
