// Owns the orderly end of a listener: nothing new, what is in flight ends by itself, and what is left after the grace is cut.
import { once } from 'node:events';
import type { Server } from 'node:http';
import type { Socket } from 'node:net';

/** `switched`: connections that left HTTP, which the server does not know any more. */
export async function drainServer(server: Server, switched: ReadonlySet<Socket>, graceMs: number): Promise<void> {
  if (!server.listening) return;
  const closed = once(server, 'close');
  // Also closes the connections that are idle now.
  server.close();
  const cut = setTimeout(() => {
    server.closeAllConnections();
    for (const socket of switched) socket.destroy();
  }, graceMs);
  await closed;
  clearTimeout(cut);
}
