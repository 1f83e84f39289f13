// Owns two byte streams that have become one: both ways, with back-pressure, each direction ending by itself. Knows nothing of
// what flows.
import type { Duplex } from 'node:stream';
import { endSoon } from './linger.ts';

/**
 * A lost client looks to an app like one that half-closed: EOF, and then writes that go nowhere for minutes, because real
 * relays do not pass RST on. A half-closed tunnel that takes nothing for this long is taken for lost. The Go peers' limit for a blocked write.
 */
const stalledAfterEndMs = 10_000;

/** `tunnel` and `local` are owned from here on: whatever happens to one happens to the other. */
export function splice(tunnel: Duplex, local: Duplex, stalledMs: number = stalledAfterEndMs): void {
  let watch: NodeJS.Timeout | undefined;
  tunnel.once('end', () => {
    let before = 0;
    let wasBlocked = false;
    let takenBytes = 0;
    local.on('data', (chunk: Buffer) => (takenBytes += chunk.length));
    watch = setInterval(() => {
      // Blocked twice in a row with nothing read from the app in between: nothing has moved for a whole interval.
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
    // The app's last bytes and its FIN may still be on their way: a reset would take them back.
    if (tunnel.writableEnded) endSoon(tunnel);
    else tunnel.destroy();
  };
  local.on('error', localLost);
  local.once('close', () => {
    if (!local.readableEnded || !local.writableFinished) localLost();
  });
  // pipe() ends the destination when the source ends: FIN for FIN.
  tunnel.pipe(local);
  local.pipe(tunnel);
}
