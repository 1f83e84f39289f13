// Owns the contract between a multiplexed stream and the layer above it, without Node's stream machinery: the secure channel
// and the relay stand directly on it, because a Duplex a layer costs more than the layer (bench/).

import type { PortalError } from '../errors.ts';

/** What the layer above is told. Methods are called synchronously while input is parsed; none may throw. */
export interface PipeHandler {
  /**
   * A view into the carrier's buffer, never to be written into. Lent by a carrier that this side opened: copy what outlives the
   * call; yours to keep from one that was accepted. Answer with consumed() once the bytes are used up.
   */
  data(chunk: Buffer): void;
  /** The peer's FIN: nothing more comes. Writing goes on. */
  end(): void;
  /** After write() returned false: there is room again. */
  drain(): void;
  /** The pipe is gone, both ways: RST, or the session died. The last call. Not called after this side's reset(). */
  error(error: PortalError): void;
}

const ignore = (): void => undefined;

/** For a pipe that nobody listens to any more. */
export const deaf: PipeHandler = { data: ignore, end: ignore, drain: ignore, error: ignore };

/** One flow-controlled byte stream of a session. Each direction ends by itself. */
export interface Pipe {
  readonly id: number;
  /**
   * Replaceable at any time; what arrives before one is set waits, within the window, and is delivered within this call.
   * The first setHandler(), write() or end() accepts a stream that the peer opened; reset() refuses it.
   */
  setHandler(handler: PipeHandler): void;
  /** Takes ownership of the pieces, sent in order. False: over the high-water mark; wait for drain(). Ignored after end() or reset(). */
  write(pieces: readonly Uint8Array[]): boolean;
  /** FIN behind everything written. */
  end(): void;
  /** RST: both directions end at once, what is queued or unread is dropped. Idempotent; harmless after both sides ended. */
  reset(): void;
  /** The layer above is done with so many received bytes: opens the peer's window again. */
  consumed(bytes: number): void;
  /** Bytes accepted by write() and not yet handed to the carrier. */
  readonly queuedBytes: number;
}
