// Joins two byte streams that have left HTTP: byte for byte, with back-pressure, each direction
// ending on its own.
import type { Duplex } from 'node:stream';
import { ignore } from '../ignore.ts';

export interface SpliceOptions {
  /** A stream closed before both of its directions had ended. Default: destroys the other one. */
  readonly oneLost?: () => void;
  readonly otherLost?: () => void;
}

/** Takes ownership of both streams. */
export function splice(one: Duplex, other: Duplex, options: SpliceOptions = {}): void {
  const { oneLost = destroyer(other), otherLost = destroyer(one) } = options;
  // pipe() ends the destination when the source ends, so a FIN is forwarded as a FIN.
  one.pipe(other);
  other.pipe(one);
  onLoss(one, oneLost);
  onLoss(other, otherLost);
}

function onLoss(stream: Duplex, lost: () => void): void {
  stream.on('error', ignore); // 'close' follows
  stream.once('close', () => {
    if (!stream.readableEnded || !stream.writableFinished) lost();
  });
}

function destroyer(stream: Duplex): () => void {
  return () => {
    stream.destroy();
  };
}
