// A byte pipe over a Node stream: a TCP or TLS socket, or a stream of a test.
import { Socket } from 'node:net';
import process from 'node:process';
import type { Duplex } from 'node:stream';
import type { BytePipe, BytePipeHandler } from '../kernel/net/byte-pipe.ts';

/** How long a peer that has ended may take to read the remaining bytes. */
const flushGraceMs = 5_000;

export interface StreamPipeOptions {
  /** Converts an error of the stream before it is reported. Default: unchanged. */
  readonly errorOf?: (error: Error) => Error;
}

/** Takes ownership of the stream, which must be created with allowHalfOpen, or the peer's end ends this side too. */
export class StreamPipe implements BytePipe {
  readonly #stream: Duplex;
  readonly #errorOf: (error: Error) => Error;
  #handler: BytePipeHandler | undefined;
  #sentBytes = 0;
  /** Written in this tick. */
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
      // A destroyed stream still emits what it had read.
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
    // All writes of one tick leave in one system call.
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

  /** After an orderly end of both directions the stream gets 5 s to send what was written before. */
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
   * Destroys it with a TCP reset, where the stream is a plain TCP connection: our side then keeps no port in TIME-WAIT. Only for a
   * connection whose bytes have all arrived.
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
