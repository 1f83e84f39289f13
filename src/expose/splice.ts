// Connects two byte streams in both directions, with back-pressure. Each direction ends on its own.
import type { Duplex } from 'node:stream';
import { endSoon } from './linger.ts';

/**
 * After how many milliseconds without progress a half-closed tunnel counts as lost. A lost client
 * looks like one that half-closed: EOF, then writes that stall for minutes, because relays do not
 * forward RST. The Go peers use the same limit for a blocked write.
 */
const stalledAfterEndMs = 10_000;

/** Takes ownership of both streams: closing or losing one closes the other. */
export function splice(tunnel: Duplex, local: Duplex, stalledMs: number = stalledAfterEndMs): void {
  let watch: NodeJS.Timeout | undefined;
  tunnel.once('end', () => {
    let before = 0;
    let wasBlocked = false;
    let takenBytes = 0;
    local.on('data', (chunk: Buffer) => (takenBytes += chunk.length));
    watch = setInterval(() => {
      // Blocked twice in a row, and nothing was read from the app in between: no byte has moved for
      // a whole interval.
      if (tunnel.writableNeedDrain && wasBlocked && takenBytes === before) tunnel.destroy();
      wasBlocked = tunnel.writableNeedDrain;
      before = takenBytes;
    }, stalledMs);
  });
  tunnel.on('error', () => {
    local.destroy();
  });
  tunnel.once('close', () => {
    clearInterval(watch);
    if (!tunnel.readableEnded || !tunnel.writableFinished) local.destroy();
  });
  const localLost = (): void => {
    // The app's last bytes and its FIN may still be in transit, and a reset would discard them.
    if (tunnel.writableEnded) endSoon(tunnel);
    else tunnel.destroy();
  };
  local.on('error', localLost);
  local.once('close', () => {
    if (!local.readableEnded || !local.writableFinished) localLost();
  });
  // pipe() ends the destination when the source ends, so a FIN is forwarded as a FIN.
  tunnel.pipe(local);
  local.pipe(tunnel);
}
