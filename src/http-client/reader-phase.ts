// The phases of a response reader, and the coarser states that it exposes.

/**
 * idle: no request yet. done: the response is complete. upgraded: the bytes belong to another
 * protocol. failed: push(), resume() or end() has thrown, or stop() was called; further bytes are
 * ignored.
 */
export type ReaderState = 'idle' | 'head' | 'body' | 'done' | 'upgraded' | 'failed';

/** `close`: reading a body that only the end of the connection ends. */
export type ReaderPhase = ReaderState | 'close';

export const stateOfPhase: Readonly<Record<ReaderPhase, ReaderState>> = {
  idle: 'idle',
  head: 'head',
  body: 'body',
  close: 'body',
  done: 'done',
  upgraded: 'upgraded',
  failed: 'failed',
};
