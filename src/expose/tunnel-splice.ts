// Joins an upgraded tunnel and its connection to the app, and detects a caller that is lost.
import type { Duplex } from 'node:stream';
import { endOnceWritten } from '../kernel/net/linger.ts';
import { splice } from '../kernel/net/splice.ts';

/**
 * After how many milliseconds without progress a half-closed tunnel counts as lost. A lost client
 * looks like one that half-closed: EOF, then writes that stall for minutes, because relays do not
 * forward RST. The Go peers use the same limit for a blocked write.
 */
const stalledAfterEndMs = 10_000;

/** Takes ownership of both streams: closing or losing one closes the other. */
export function spliceTunnel(tunnel: Duplex, local: Duplex, stalledMs: number = stalledAfterEndMs): void {
  cutIfStalled(tunnel, local, stalledMs);
  splice(tunnel, local, {
    otherLost: () => {
      // The app's last bytes and its FIN may still be in transit, and a reset would discard them.
      if (tunnel.writableEnded) endOnceWritten(tunnel);
      else tunnel.destroy();
    },
  });
}

function cutIfStalled(tunnel: Duplex, local: Duplex, stalledMs: number): void {
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
  tunnel.once('close', () => {
    clearInterval(watch);
  });
}
