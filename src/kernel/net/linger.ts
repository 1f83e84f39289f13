// Closes connections gracefully: ends our side, and gives the peer time to end its own. If unread
// input remains, an immediate close causes a reset, which can overtake the last bytes (RFC 9112
// §9.6).
import type { Duplex } from 'node:stream';

/** As long as common servers wait for a peer to notice that the connection is over. */
export const lingerMs = 5_000;

/**
 * Sends FIN after the pending output and drops further input. Closes the stream when the peer has
 * ended as well, or after `waitMs`, even if the peer has not read everything. Idempotent.
 */
export function endSoon(stream: Duplex, waitMs: number = lingerMs): void {
  if (stream.destroyed || stream.writableEnded) return;
  destroyAfter(stream, waitMs);
  stream.end();
  stream.resume();
}

/**
 * As endSoon(), but `waitMs` begins when everything is written, and the stream may have been ended
 * before: for peers behind a slow link, whose progress is watched elsewhere.
 */
export function endOnceWritten(stream: Duplex, waitMs: number = lingerMs): void {
  if (stream.destroyed) return;
  if (stream.writableFinished) destroyAfter(stream, waitMs);
  else
    stream.once('finish', () => {
      destroyAfter(stream, waitMs);
    });
  stream.end();
  stream.resume();
}

function destroyAfter(stream: Duplex, waitMs: number): void {
  const timer = setTimeout(() => {
    stream.destroy();
  }, waitMs);
  timer.unref();
  stream.once('close', () => {
    clearTimeout(timer);
  });
}
