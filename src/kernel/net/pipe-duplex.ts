// A Node Duplex over a byte pipe, for code that needs a stream: upgraded connections and Node's
// HTTP server.
import { Duplex, type DuplexOptions } from 'node:stream';
import type { BytePipe } from './byte-pipe.ts';
import type { CountedDuplex } from '../http/http.ts';

type Callback = (error?: Error | null) => void;

/**
 * end() ends one direction of the pipe. destroy() aborts the pipe unless both directions have
 * ended. Becomes the pipe's handler in the constructor.
 */
export class PipeDuplex extends Duplex implements CountedDuplex {
  readonly #pipe: BytePipe;
  #heldWrite: Callback | undefined;
  #peerEnded = false;

  /** `first`: bytes to deliver before those of the pipe. */
  constructor(pipe: BytePipe, options: DuplexOptions = {}, first?: Buffer) {
    super(options);
    this.#pipe = pipe;
    if (first !== undefined && first.length > 0) this.push(first);
    pipe.setHandler({
      data: (chunk) => {
        if (!this.push(chunk)) pipe.pause();
      },
      end: () => {
        this.#peerEnded = true;
        this.push(null);
      },
      drain: () => {
        this.#releaseWrite();
      },
      closed: (error) => {
        // After a graceful end the stream closes by itself once everything is read and written.
        if (error !== undefined || !this.#peerEnded) this.destroy(error);
      },
    });
  }

  /** Application bytes handed to the peer. */
  get bytesSent(): number {
    return this.#pipe.bytesSent;
  }

  /** Application bytes received from the peer, read or not. */
  get bytesReceived(): number {
    return this.#pipe.bytesReceived;
  }

  override _read(): void {
    this.#pipe.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, callback: Callback): void {
    if (this.#pipe.write(chunk)) callback();
    else this.#heldWrite = callback;
  }

  override _writev(chunks: { chunk: Buffer }[], callback: Callback): void {
    let more = true;
    for (const { chunk } of chunks) more = this.#pipe.write(chunk);
    if (more) callback();
    else this.#heldWrite = callback;
  }

  override _final(callback: Callback): void {
    this.#pipe.end();
    callback();
  }

  override _destroy(error: Error | null, callback: Callback): void {
    this.#pipe.destroy();
    this.#releaseWrite(error ?? this.destroyedError());
    callback(error);
  }

  /** The error of a pending write when the stream is destroyed without one. */
  protected destroyedError(): Error {
    return new Error('the stream was destroyed before everything was written');
  }

  #releaseWrite(error?: Error): void {
    const callback = this.#heldWrite;
    this.#heldWrite = undefined;
    callback?.(error);
  }
}
