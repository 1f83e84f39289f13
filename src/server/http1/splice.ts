// Owns the joining of two byte streams that left HTTP: byte for byte, with back-pressure, each direction ending by itself. Knows
// neither of the protocols spoken.
import type { Duplex } from 'node:stream';

export function splice(client: Duplex, peer: Duplex): void {
  client.pipe(peer);
  peer.pipe(client);
  cutWith(client, peer);
  cutWith(peer, client);
}

/** An end passes through pipe(); anything else that closes one side cuts the other. */
function cutWith(one: Duplex, other: Duplex): void {
  one.on('error', ignore);
  one.once('close', () => {
    if (!one.readableEnded || !one.writableFinished) other.destroy();
  });
}

function ignore(): void {
  // 'close' follows, and tells the other side
}
