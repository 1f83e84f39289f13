// A byte pipe over a Node stream: a TCP or TLS socket, or any Duplex in tests.
import { Socket } from 'node:net';
import process from 'node:process';
import type { Duplex } from 'node:stream';
import type { BytePipe, BytePipeHandler } from '../kernel/net/byte-pipe.ts';

/** Time that a peer which has ended may take to read the remaining bytes. */
const flushGraceMs = 5_000;

export interface StreamPipeOptions {
  /** Converts an error of the stream before it is reported. Default: unchanged. */
  readonly errorOf?: (error: Error) => Error;
}

/**
 * Takes ownership of the stream, which must be created with allowHalfOpen; otherwise the peer's end
 * would end this side too.
 */
export class StreamPipe implements BytePipe {
  readonly #stream: Duplex;
  readonly #errorOf: (error: Error) => Error;
  #handler: BytePipeHandler | undefined;
  #sentBytes = 0;
  /** Bytes written in this tick. */
  #corkedBytes = 0;
  #receivedBytes = 0;
  #failure: Error | undefined;
  /** The peer's end was delivered. */
  #ended = false;
  #closeReported = false;
  #corked = false;

  constructor(stream: Duplex, options: StreamPipeOptions = {}) {
    this.#stream = stream;
    this.#errorOf = options.errorOf ?? ((error) => error);
    stream.on('error', (error) => {
      this.#failure = this.#errorOf(error);
    });
    stream.on('close', () => {
      this.#reportClose();
    });
  }

  get closed(): boolean {
    return this.#stream.destroyed;
  }

  get needsDrain(): boolean {
    return this.#stream.writableNeedDrain;
  }

  /** Bytes that the stream may have passed on. */
  get bytesSent(): number {
    return this.#sentBytes;
  }

  get bytesReceived(): number {
    return this.#receivedBytes;
  }

  setHandler(handler: BytePipeHandler): void {
    const first = this.#handler === undefined;
    this.#handler = handler;
    if (!first) return;
    const stream = this.#stream;
    stream.on('drain', () => this.#handler?.drain());
    stream.on('data', (chunk: Buffer) => {
      this.#receivedBytes += chunk.length;
      // A destroyed stream still emits data that it had read.
      if (chunk.length > 0 && !stream.destroyed) this.#handler?.data(chunk);
    });
    stream.on('end', () => {
      this.#ended = true;
      this.#handler?.end();
    });
    if (stream.closed) this.#reportClose();
  }

  write(chunk: Uint8Array): boolean {
    const stream = this.#stream;
    if (stream.destroyed || stream.writableEnded) return true;
    this.#corkedBytes += chunk.length;
    // All writes of one tick are sent in one system call.
    if (!this.#corked) {
      this.#corked = true;
      stream.cork();
      process.nextTick(this.#uncork);
    }
    return stream.write(chunk);
  }

  end(): void {
    if (!this.#stream.writableEnded) this.#stream.end();
  }

  /** If both directions have ended gracefully, the stream gets 5 s to flush pending writes. */
  destroy(): void {
    const stream = this.#stream;
    if (!this.#ended || !stream.writableEnded || stream.writableFinished || stream.destroyed) {
      stream.destroy();
      return;
    }
    const timer = setTimeout(() => stream.destroy(), flushGraceMs);
    timer.unref();
    stream.once('close', () => {
      clearTimeout(timer);
    });
  }

  /**
   * Closes a plain TCP connection with a reset, so that our side keeps no port in TIME-WAIT. Other
   * streams are destroyed. Use only when all bytes of the connection have arrived.
   */
  reset(): void {
    const stream = this.#stream;
    if (stream instanceof Socket && !('encrypted' in stream) && !stream.destroyed) stream.resetAndDestroy();
    else stream.destroy();
  }

  /** A paused stream emits neither data nor its end. */
  pause(): void {
    this.#stream.pause();
  }

  resume(): void {
    if (this.#stream.isPaused()) this.#stream.resume();
  }

  readonly #uncork = (): void => {
    this.#corked = false;
    if (this.#stream.destroyed) return;
    this.#sentBytes += this.#corkedBytes;
    this.#corkedBytes = 0;
    this.#stream.uncork();
  };

  #reportClose(): void {
    if (this.#closeReported || this.#handler === undefined) return;
    this.#closeReported = true;
    process.nextTick(() => this.#handler?.closed(this.#failure));
  }
}
