// Writes the body of one request, framed by length or in chunks (RFC 9112 §6, §7), with
// back-pressure. Survives the loss of its connection as long as no byte was sent, so that the
// request can be retried on another one.
import process from 'node:process';
import type { Readable } from 'node:stream';
import type { BytePipe } from '../kernel/net/byte-pipe.ts';
import type { RawHeaders } from '../kernel/http/http.ts';
import { framedChunk, lastChunkWith } from './chunk-framing.ts';

export interface OutgoingBodyOptions {
  readonly stream: Readable;
  /** The Content-Length of the head; null: chunked. */
  readonly lengthBytes: number | null;
  /** Called once the stream has ended; the pairs are sent after the last chunk. */
  readonly trailers: () => RawHeaders;
}

export interface OutgoingBodyObserver {
  wrote(): void;
  /** Everything was written. Called once. */
  finished(): void;
  /**
   * The stream failed, ended early or delivered more than was announced. Never called
   * after finished().
   */
  failed(error: Error): void;
}

export class OutgoingBody {
  readonly #stream: Readable;
  readonly #lengthBytes: number | null;
  readonly #trailers: () => RawHeaders;
  #bodyBytes = 0;
  #pipe: BytePipe | undefined;
  #observer: OutgoingBodyObserver | undefined;
  #finished = false;
  /** A failure that occurred while there was no connection. */
  #failure: Error | undefined;
  #listening = false;
  /**
   * Everything written so far, for a retry on another connection. Undefined once a byte may
   * have been sent.
   */
  #unsent: Uint8Array[] | undefined = [];
  #pipeSentBefore = 0;

  constructor({ stream, lengthBytes, trailers }: OutgoingBodyOptions) {
    this.#stream = stream;
    this.#lengthBytes = lengthBytes;
    this.#trailers = trailers;
  }

  /** The whole body was written, including its last chunk and trailers. */
  get finished(): boolean {
    return this.#finished;
  }

  /**
   * Starts, or restarts after detach(). The first piece is written in this turn of the loop at the
   * earliest, but never within the call, because the head is written after it. Throws if a byte was
   * already sent over another connection.
   */
  start(pipe: BytePipe, observer: OutgoingBodyObserver): void {
    if (this.#unsent === undefined) throw new Error('part of this body has already been sent');
    this.#pipe = pipe;
    this.#observer = observer;
    this.#pipeSentBefore = pipe.bytesSent;
    this.#listen();
  }

  /**
   * Rewrites what the previous connection did not send. Must be called right after the head
   * was written.
   */
  rewrite(): void {
    const pipe = this.#pipe;
    if (pipe === undefined) return;
    let more = true;
    for (const piece of this.#unsent ?? []) more = pipe.write(piece);
    const failure = this.#failure;
    if (failure !== undefined) {
      process.nextTick(() => {
        this.#fail(failure);
      });
    } else if (this.#finished) this.#observer?.finished();
    else if (more) this.#stream.resume();
    else this.#stream.pause();
  }

  /** The pipe has room again. */
  drain(): void {
    this.forgetSent();
    if (!this.#finished) this.#stream.resume();
  }

  /** Drops the copy of the written bytes if the pipe has sent a byte since start(). */
  forgetSent(): void {
    if (this.#pipe !== undefined && this.#pipe.bytesSent > this.#pipeSentBefore) this.#unsent = undefined;
  }

  /** The connection is lost. The stream pauses until start() is called again, or until leave(). */
  detach(): void {
    this.forgetSent();
    this.#pipe = undefined;
    this.#observer = undefined;
    if (!this.#finished) this.#stream.pause();
  }

  /** Drops the rest of the body and destroys the stream. Idempotent. */
  leave(): void {
    this.#pipe = undefined;
    this.#observer = undefined;
    this.#unsent = undefined;
    if (!this.#finished && !this.#stream.destroyed) this.#stream.destroy();
  }

  #listen(): void {
    if (this.#listening) return;
    this.#listening = true;
    this.#stream
      .on('data', (chunk: Buffer) => {
        this.#write(chunk);
      })
      .on('end', () => {
        this.#end();
      })
      .on('error', (error) => {
        this.#fail(error);
      })
      .on('close', () => {
        this.#fail(new Error('the request body ended before it was complete'));
      });
  }

  #write(chunk: Buffer): void {
    if (this.#finished || chunk.length === 0) return;
    this.#bodyBytes += chunk.length;
    if (this.#lengthBytes === null) {
      this.#out(framedChunk(chunk));
      return;
    }
    if (this.#bodyBytes > this.#lengthBytes) {
      this.#fail(new Error('the request body is longer than announced'));
      return;
    }
    this.#out([chunk]);
    if (this.#bodyBytes === this.#lengthBytes) this.#finish();
  }

  #end(): void {
    if (this.#finished) return;
    if (this.#lengthBytes !== null) {
      if (this.#bodyBytes === this.#lengthBytes) this.#finish();
      else this.#fail(new Error('the request body is shorter than announced'));
      return;
    }
    this.#out([lastChunkWith(this.#trailers())]);
    this.#finish();
  }

  #out(pieces: readonly Uint8Array[]): void {
    const pipe = this.#pipe;
    if (pipe === undefined) {
      // Data that arrives while detached is sent over the next connection.
      this.#unsent?.push(...pieces);
      return;
    }
    this.forgetSent();
    this.#unsent?.push(...pieces);
    let more = true;
    for (const piece of pieces) more = pipe.write(piece);
    if (!more) this.#stream.pause();
    this.#observer?.wrote();
  }

  #finish(): void {
    this.#finished = true;
    this.#observer?.finished();
  }

  #fail(error: Error): void {
    if (this.#finished) return;
    this.#failure ??= error;
    const observer = this.#observer;
    this.#observer = undefined;
    observer?.failed(this.#failure);
  }
}
