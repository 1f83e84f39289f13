// The body of one request on its way out: framed by length or in chunks (RFC 9112 §6, §7), with back-pressure. Outlives a connection
// that was lost before a byte left, so that the request can move to another.
import process from 'node:process';
import type { Readable } from 'node:stream';
import type { BytePipe } from '../kernel/byte-pipe.ts';
import type { RawHeaders } from '../kernel/http.ts';

export interface OutgoingBodyOptions {
  readonly stream: Readable;
  /** As announced in Content-Length; null: chunked. */
  readonly lengthBytes: number | null;
  /** Asked once the stream has ended; sent behind the last chunk. Raw pairs. */
  readonly trailers: () => RawHeaders;
}

export interface OutgoingBodyObserver {
  /** A piece was written. */
  wrote(): void;
  /** Everything was written. Once. */
  finished(): void;
  /** The stream failed, ended early or had more than was announced. Not after finished(). */
  failed(error: Error): void;
}

const crlf: Buffer = Buffer.from('\r\n');
/** A chunk up to here is copied together with its framing. */
const smallChunkBytes = 2048;

export class OutgoingBody {
  readonly #stream: Readable;
  readonly #lengthBytes: number | null;
  readonly #trailers: () => RawHeaders;
  #bodyBytes = 0;
  #pipe: BytePipe | undefined;
  #observer: OutgoingBodyObserver | undefined;
  #finished = false;
  /** What came while there was no connection. */
  #failure: Error | undefined;
  #listening = false;
  /** Written, and not known to have left: sent again if it did not. Undefined: something has left. */
  #unsent: Uint8Array[] | undefined = [];
  #pipeSentBefore = 0;

  constructor({ stream, lengthBytes, trailers }: OutgoingBodyOptions) {
    this.#stream = stream;
    this.#lengthBytes = lengthBytes;
    this.#trailers = trailers;
  }

  /** The whole body was written, its last chunk and trailers included. */
  get finished(): boolean {
    return this.#finished;
  }

  /**
   * Begins, or begins again after detach(). The first piece comes within this turn of the loop at the earliest, never within the
   * call: the head is written after it. Throws when a byte has already left over another connection.
   */
  start(pipe: BytePipe, observer: OutgoingBodyObserver): void {
    if (this.#unsent === undefined) throw new Error('a part of this body was sent before');
    this.#pipe = pipe;
    this.#observer = observer;
    this.#pipeSentBefore = pipe.bytesSent;
    this.#listen();
  }

  /** Writes again what was written and did not leave. Call it right after the head. */
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

  /** The peer has seen the request: nothing needs to be kept. */
  forgetSent(): void {
    if (this.#pipe !== undefined && this.#pipe.bytesSent > this.#pipeSentBefore) this.#unsent = undefined;
  }

  /** The connection is gone. What the stream still has waits for another start(), or for leave(). */
  detach(): void {
    this.forgetSent();
    this.#pipe = undefined;
    this.#observer = undefined;
    if (!this.#finished) this.#stream.pause();
  }

  /** Nobody wants the rest. */
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
      this.#out(chunkOf(chunk));
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
    let last = '0\r\n';
    const trailers = this.#trailers();
    for (let i = 0; i < trailers.length; i += 2) last += `${trailers[i] ?? ''}: ${trailers[i + 1] ?? ''}\r\n`;
    this.#out([Buffer.from(`${last}\r\n`, 'latin1')]);
    this.#finish();
  }

  #out(pieces: readonly Uint8Array[]): void {
    const pipe = this.#pipe;
    if (pipe === undefined) {
      // Detached in the moment in which the stream had more: it goes out with the next connection.
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

/** RFC 9112 §7.1. */
function chunkOf(chunk: Buffer): readonly Uint8Array[] {
  const size = `${chunk.length.toString(16)}\r\n`;
  if (chunk.length > smallChunkBytes) return [Buffer.from(size, 'latin1'), chunk, crlf];
  const framed = Buffer.allocUnsafe(size.length + chunk.length + crlf.length);
  framed.write(size, 'latin1');
  framed.set(chunk, size.length);
  framed.set(crlf, size.length + chunk.length);
  return [framed];
}
