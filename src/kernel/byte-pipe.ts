// The byte stream that the HTTP/1 engine works on: flow-controlled both ways, with half-close. An end-to-end encrypted tunnel and
// a socket both offer it, without Node's stream machinery in between.

/** What a pipe calls, in the order of events. No method may throw. */
export interface BytePipeHandler {
  /** Bytes of the peer, never empty. The receiver's own from now on. Not called while paused, but for bytes already on their way. */
  data(chunk: Buffer): void;
  /** The peer's orderly end: no more data follows. Writing goes on. */
  end(): void;
  /** After write() returned false: there is room again. */
  drain(): void;
  /** Both directions are over. `error`: what broke them; undefined after an orderly end or this side's destroy(). The last call. */
  closed(error: Error | undefined): void;
}

export interface BytePipe {
  /** Replaceable at any time. Until the first one is set, nothing is read. */
  setHandler(handler: BytePipeHandler): void;
  /**
   * Takes ownership of the bytes. What is written in one tick may leave together. False: over the high-water mark, wait for
   * drain(). Ignored once the pipe is closed or ended.
   */
  write(chunk: Uint8Array): boolean;
  /** Ends this direction behind everything written. Idempotent. */
  end(): void;
  /** Ends both directions at once and drops what was not sent; the peer sees an abort. Idempotent. */
  destroy(): void;
  /** Asks the peer to stop sending. Bytes that are on their way still come. */
  pause(): void;
  resume(): void;
  /** True from destroy() or the loss of the peer on. */
  readonly closed: boolean;
  /** True between a write() that returned false and drain(). */
  readonly needsDrain: boolean;
  /** Bytes that left this process' hands: 0 proves that the peer has seen none. */
  readonly bytesSent: number;
  readonly bytesReceived: number;
}
