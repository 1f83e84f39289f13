// A Node Duplex over a pipe that behaves like a socket. The pipe implements the protocol.
import { Duplex } from 'node:stream';
import { PortalError } from '../errors.ts';
import { InputQueue } from './input-queue.ts';
import type { Pipe, PipeHandler } from './pipe.ts';

export interface MuxDuplexOptions {
  /** False: the peer's end ends this side too, as for a socket. True: writing can continue. */
  readonly allowHalfOpen?: boolean;
}

/**
 * High-water mark of the Duplex in each direction; further bytes wait in the pipe, within its
 * window.
 */
const highWaterBytes = 65_536;

/**
 * end() sends FIN after all written bytes; destroy() sends RST unless both directions have ended;
 * errors are PortalErrors. Written buffers are not copied, so they must not be modified afterwards.
 */
export class MuxDuplex extends Duplex {
  readonly #pipe: Pipe;
  /** Bytes received while there is no reader. */
  #held: InputQueue | undefined;
  #peerEnded = false;
  #wantsInput = false;
  #afterDrain: ((error?: Error | null) => void) | undefined;

  constructor(pipe: Pipe, options: MuxDuplexOptions = {}) {
    super({
      allowHalfOpen: options.allowHalfOpen ?? false,
      readableHighWaterMark: highWaterBytes,
      writableHighWaterMark: highWaterBytes,
      decodeStrings: true,
    });
    this.#pipe = pipe;
    const handler: PipeHandler = {
      data: (chunk) => {
        this.#receive(chunk);
      },
      end: () => {
        this.#peerEnded = true;
        if (this.#held === undefined) this.push(null);
      },
      drain: () => {
        this.#proceed();
      },
      error: (error) => {
        this.destroy(error);
      },
    };
    pipe.setHandler(handler);
  }

  get id(): number {
    return this.#pipe.id;
  }

  override _read(): void {
    this.#wantsInput = true;
    const held = this.#held;
    if (held === undefined) return;
    // push() returns false once the reader has enough; _read() then restarts this loop.
    for (let chunk = held.take(); chunk !== undefined; chunk = held.take()) {
      this.#pipe.consumed(chunk.length);
      if (!this.push(chunk)) {
        this.#wantsInput = false;
        if (held.bytes > 0) return;
        break;
      }
    }
    this.#held = undefined;
    if (this.#peerEnded) this.push(null);
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, callback: (error?: Error | null) => void): void {
    this.#pass([chunk], callback);
  }

  override _writev(
    chunks: readonly { chunk: Buffer; encoding: BufferEncoding }[],
    callback: (error?: Error | null) => void,
  ): void {
    this.#pass(
      chunks.map((entry) => entry.chunk),
      callback,
    );
  }

  override _final(callback: (error?: Error | null) => void): void {
    this.#pipe.end();
    callback();
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    // Node destroys a stream after both ends, while the pipe may still have bytes to send: do not
    // reset it.
    const completed = error === null && this.#peerEnded && this.#held === undefined && this.writableFinished;
    if (!completed) this.#pipe.reset();
    this.#held = undefined;
    const waiting = this.#afterDrain;
    this.#afterDrain = undefined;
    waiting?.(error ?? new PortalError('stream_aborted', 'destroyed before everything was written'));
    callback(error);
  }

  #receive(chunk: Buffer): void {
    if (this.destroyed) return;
    if (this.#held !== undefined || !this.#wantsInput) {
      (this.#held ??= new InputQueue()).add(chunk);
      return;
    }
    this.#pipe.consumed(chunk.length);
    // The chunk is valid only during this call, and a stream's reader may keep it.
    if (!this.push(Buffer.from(chunk))) this.#wantsInput = false;
  }

  #pass(pieces: readonly Buffer[], callback: (error?: Error | null) => void): void {
    if (this.#pipe.write(pieces)) callback();
    else this.#afterDrain = callback;
  }

  #proceed(): void {
    const callback = this.#afterDrain;
    this.#afterDrain = undefined;
    callback?.();
  }
}
