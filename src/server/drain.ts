// Owns the orderly end of a listener: nothing new, what is in flight ends by itself, and what is left after the grace is cut.
import { once } from 'node:events';
import type { Server } from 'node:http';

export async function drainServer(server: Server, cutAll: () => void, graceMs: number): Promise<void> {
  if (!server.listening) return;
  const closed = once(server, 'close');
  // Also closes the connections that are idle now.
  server.close();
  const cut = setTimeout(cutAll, graceMs);
  await closed;
  clearTimeout(cut);
}
