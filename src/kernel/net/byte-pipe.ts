// The byte stream beneath the HTTP/1 engine: flow-controlled in both directions, with half-close.
// Encrypted tunnels and sockets implement it directly, so that no Node stream is needed in between.

/** Receives the events of a pipe. The methods must not throw. */
export interface BytePipeHandler {
  /**
   * Bytes from the peer, never empty; the receiver owns them. While paused, called only for bytes
   * that were already in transit.
   */
  data(chunk: Buffer): void;
  /** The peer's graceful end: no more data follows. Writing is still possible. */
  end(): void;
  /** Called after write() returned false: there is room again. */
  drain(): void;
  /**
   * Both directions are closed. `error`: the cause; undefined after a graceful end or this side's
   * destroy(). The last call.
   */
  closed(error: Error | undefined): void;
}

export interface BytePipe {
  /** Replaces the handler. No event is delivered before the first handler is set. */
  setHandler(handler: BytePipeHandler): void;
  /**
   * Takes ownership of the bytes. Writes of one tick may be sent together. Returns false above the
   * high-water mark: wait for drain(). Ignored once the pipe is closed or ended.
   */
  write(chunk: Uint8Array): boolean;
  /** Ends this direction after everything written. Idempotent. */
  end(): void;
  /** Closes both directions at once and drops unsent bytes; the peer sees an abort. Idempotent. */
  destroy(): void;
  /** Asks the peer to stop sending. Bytes in transit still arrive. */
  pause(): void;
  resume(): void;
  /** True after destroy(), or after the connection was lost. */
  readonly closed: boolean;
  /** True between a write() that returned false and drain(). */
  readonly needsDrain: boolean;
  /** Bytes that may have left this process; 0 proves that the peer has received none. */
  readonly bytesSent: number;
  readonly bytesReceived: number;
}
