// Joins two byte streams that have left HTTP: byte for byte, with back-pressure, each direction
// ending on its own.
import type { Duplex } from 'node:stream';
import { ignore } from '../../kernel/ignore.ts';

export function splice(client: Duplex, peer: Duplex): void {
  client.pipe(peer);
  peer.pipe(client);
  cutWith(client, peer);
  cutWith(peer, client);
}

/** pipe() passes on a normal end; any other close of one side destroys the other. */
function cutWith(one: Duplex, other: Duplex): void {
  one.on('error', ignore); // 'close' follows
  one.once('close', () => {
    if (!one.readableEnded || !one.writableFinished) other.destroy();
  });
}
