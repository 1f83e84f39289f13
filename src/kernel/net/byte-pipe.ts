// The byte stream under the HTTP/1 engine: flow-controlled in both directions, with half-close. Encrypted tunnels and sockets
// implement it, so that no Node stream is needed in between.

/** Receives the events of a pipe. No method may throw. */
export interface BytePipeHandler {
  /** Bytes from the peer, never empty; the receiver owns them. While paused, called only for bytes that were already on their way. */
  data(chunk: Buffer): void;
  /** The peer's orderly end: no more data follows. Writing goes on. */
  end(): void;
  /** After write() returned false: there is room again. */
  drain(): void;
  /** Both directions are closed. `error`: the cause; undefined after an orderly end or this side's destroy(). The last call. */
  closed(error: Error | undefined): void;
}

export interface BytePipe {
  /** Replaces the handler. Nothing is delivered before the first one is set. */
  setHandler(handler: BytePipeHandler): void;
  /**
   * Takes ownership of the bytes. Writes of one tick may leave together. False: over the high-water mark, wait for drain(). Ignored
   * once the pipe is closed or ended.
   */
  write(chunk: Uint8Array): boolean;
  /** Ends this direction behind everything written. Idempotent. */
  end(): void;
  /** Closes both directions at once and drops unsent bytes; the peer sees an abort. Idempotent. */
  destroy(): void;
  /** Asks the peer to stop sending. Bytes that are on their way still arrive. */
  pause(): void;
  resume(): void;
  /** True from destroy() on, or from the loss of the connection on. */
  readonly closed: boolean;
  /** True between a write() that returned false and drain(). */
  readonly needsDrain: boolean;
  /** Bytes that may have left this process: 0 proves that the peer has received none. */
  readonly bytesSent: number;
  readonly bytesReceived: number;
}
