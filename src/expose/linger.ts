// Closes a tunnel gracefully: flushes written bytes, gives the peer time to end its side, then
// destroys the tunnel.
import type { Duplex } from 'node:stream';

/**
 * How long a tunnel stays open for its last bytes, which a reset would discard. Common servers
 * wait as long.
 */
export const lingerMs = 5_000;

/** Sends FIN after the written bytes, discards received bytes, and resets after the wait. */
export function endSoon(tunnel: Duplex, waitMs: number = lingerMs): void {
  if (tunnel.destroyed) return;
  let timer: NodeJS.Timeout | undefined;
  tunnel.once('close', () => {
    clearTimeout(timer);
  });
  const cutLater = (): void => {
    timer = setTimeout(() => tunnel.destroy(), waitMs);
  };
  if (tunnel.writableFinished) cutLater();
  else tunnel.once('finish', cutLater);
  tunnel.end();
  tunnel.resume();
}
