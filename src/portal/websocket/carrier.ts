// The byte stream under the multiplexer. Message boundaries have no meaning. Reading is never
// paused, because a relay whose websocket is not read loses data silently; the multiplexer's
// windows limit the received bytes.

import type { PortalError } from '../errors.ts';

export interface CarrierHandler {
  /**
   * On a carrier that this side opened, the chunk is valid only during the call: copy it to keep
   * it. On an accepted one it belongs to the handler.
   */
  data(chunk: Buffer): void;
  /** There is room again after send() returned false. */
  drain(): void;
  /**
   * The last call. `error` is undefined if the peer closed normally. Not called after this side's
   * close().
   */
  close(error: PortalError | undefined): void;
}

export interface Carrier {
  setHandler(handler: CarrierHandler): void;
  /**
   * Sends the pieces in order, in as few messages as is cheap; takes ownership. Returns false above
   * the high-water mark.
   */
  send(pieces: readonly Uint8Array[], bytes: number): boolean;
  /** Bytes passed to send() that the operating system has not taken yet. */
  readonly bufferedBytes: number;
  /** Flushes, closes normally, and destroys the connection after a grace period. Idempotent. */
  close(): void;
  /** Host and port of the peer, for logs. */
  readonly remote: string;
}
