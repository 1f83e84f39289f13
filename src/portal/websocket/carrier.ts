// Owns the contract of the byte stream under the multiplexer. Message boundaries mean nothing.
// A carrier is never paused on the reading side: a relay whose websocket is not read loses data silently. The bound on what
// arrives is the multiplexer's windows.

import type { PortalError } from '../errors.ts';

export interface CarrierHandler {
  /** Of a carrier that this side opened, the chunk is lent: copy what outlives the call. Of one that was accepted it is yours. */
  data(chunk: Buffer): void;
  /** After send() returned false: there is room again. */
  drain(): void;
  /** The last call. `error` is undefined for an orderly close by the peer. Not called after this side's close(). */
  close(error: PortalError | undefined): void;
}

export interface Carrier {
  setHandler(handler: CarrierHandler): void;
  /** Sends the pieces, in order, in as few messages as is cheap; takes ownership. False: over the high-water mark. */
  send(pieces: readonly Uint8Array[], bytes: number): boolean;
  /** Bytes taken by send() that the operating system has not taken yet. */
  readonly bufferedBytes: number;
  /** Flushes, closes orderly, and cuts after a grace period. Idempotent. */
  close(): void;
  /** For logs: host and port of the peer. */
  readonly remote: string;
}
