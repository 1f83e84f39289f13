// The interface between a multiplexed stream and the layer above it, without Node streams: the
// secure channel and the relay use it directly, because a Duplex for each layer costs more than the
// layer (bench/).

import type { PortalError } from '../errors.ts';
import { ignore } from '../../kernel/ignore.ts';

/**
 * Callbacks for the layer above. Called synchronously while input is parsed; they must not throw.
 */
export interface PipeHandler {
  /**
   * A view of the carrier's buffer, which must not be modified. On a carrier that this side opened
   * it is valid only during the call: copy it to keep it. On an accepted carrier it may be kept.
   * Call consumed() once the bytes are processed.
   */
  data(chunk: Buffer): void;
  /** The peer sent FIN. Writing can continue. */
  end(): void;
  /** There is room again after write() returned false. */
  drain(): void;
  /**
   * Both directions have ended: RST, or the session failed. The last call. Not called after this
   * side's reset().
   */
  error(error: PortalError): void;
}

/** Ignores all events of a pipe. */
export const deaf: PipeHandler = { data: ignore, end: ignore, drain: ignore, error: ignore };

/** One flow-controlled byte stream of a session. Each direction ends independently. */
export interface Pipe {
  readonly id: number;
  /**
   * May be called repeatedly. Bytes that arrived without a handler are queued, within the window,
   * and delivered during this call. The first setHandler(), write() or end() accepts a stream that
   * the peer opened; reset() rejects it.
   */
  setHandler(handler: PipeHandler): void;
  /**
   * Sends the pieces in order and takes ownership. Returns false above the high-water mark; wait
   * for drain(). Ignored after end() or reset().
   */
  write(pieces: readonly Uint8Array[]): boolean;
  /** Sends FIN after all written bytes. */
  end(): void;
  /**
   * Sends RST: both directions end immediately, queued and unread bytes are dropped. Idempotent; no
   * effect after both sides ended.
   */
  reset(): void;
  /** Reports received bytes as processed, which opens the peer's window again. */
  consumed(bytes: number): void;
  /** Bytes passed to write() and not yet to the carrier. */
  readonly queuedBytes: number;
}
