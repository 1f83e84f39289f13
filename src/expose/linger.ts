// Owns the polite end of a tunnel: what was written gets out, the peer gets time to end its own side, then it is cut.
import type { Duplex } from 'node:stream';

/** How long a tunnel is kept open for its last bytes, which a reset would discard. The wait of common servers. */
export const lingerMs = 5_000;

/** FIN behind what was written; what still comes is discarded; RST after the wait. */
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
