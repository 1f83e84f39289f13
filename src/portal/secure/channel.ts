// Owns the tunnel that applications use: a Duplex whose bytes travel in sealed frames over a pipe. Decides when frames are made
// and when the peer's window opens again. Knows nothing of the handshake but its result, and nothing of HTTP.
import { Duplex, type DuplexOptions } from 'node:stream';
import process from 'node:process';
import { PortalError } from '../errors.ts';
import type { Pipe } from '../yamux/pipe.ts';
import { FrameOpener } from './frame-opener.ts';
import { FrameSealer } from './frame-sealer.ts';
import { longestGoFrameBytes } from './frame.ts';
import type { HandshakeResult } from './handshake.ts';
import { type HeaderSource, processHeaders } from './header-pool.ts';

export interface SecureChannelOptions {
  readonly result: HandshakeResult;
  /** What came behind the handshake, already credited to the peer's window. */
  readonly initial?: Buffer;
  /** The peer's end came behind it. */
  readonly initialEnd?: boolean;
  /** True, as for sockets of a server: the peer's end leaves this side open. False: it ends this side too. */
  readonly allowHalfOpen?: boolean;
  /** Readable and writable high-water mark, bytes. */
  readonly highWaterMark?: number;
  /**
   * The longest frame taken, 28 to 2^26. A frame is held until its tag is verified, so this bounds what one tunnel may hold
   * beyond its window; only bytes that arrived are held. By default what a Go app makes of one very large write.
   */
  readonly maxFrameBytes?: number;
  readonly headers?: HeaderSource;
}

type WriteCallback = (error?: Error | null) => void;

/** So much is sealed at once rather than at the end of the tick. */
const gatherBytes = 128 * 1024;

/**
 * end() sends FIN behind everything written; destroy() sends RST unless both directions have ended. The errors are
 * PortalErrors: frame_malformed, stream_truncated, and what the pipe died of.
 */
export class SecureChannel extends Duplex {
  /** The identity that the peer proved in the handshake. */
  readonly peerId: string;
  readonly alpn: string;
  readonly #pipe: Pipe;
  readonly #sealer: FrameSealer;
  readonly #opener: FrameOpener;
  #bytesSent = 0;
  #bytesReceived = 0;

  /** Plaintext of this tick, sealed together. */
  #gathered: Uint8Array[] = [];
  #gatheredBytes = 0;
  #flushScheduled = false;
  /** The pipe is over its mark: the write that waits is #heldWrite, and nothing more is gathered. */
  #blocked = false;
  #heldWrite: WriteCallback | undefined;
  #finSent = false;

  /** The reader takes more: received bytes are credited as they come. */
  #wanted = false;
  #uncreditedBytes = 0;
  #peerEnded = false;
  #pipeGone = false;

  constructor(pipe: Pipe, options: SecureChannelOptions) {
    super(duplexOptions(options));
    const { result } = options;
    this.peerId = result.peerId;
    this.alpn = result.alpn;
    this.#pipe = pipe;
    this.#sealer = new FrameSealer(result.sendKey, options.headers ?? processHeaders);
    this.#opener = new FrameOpener(result.receiveKey, options.maxFrameBytes ?? longestGoFrameBytes, (plaintext) => {
      this.#bytesReceived += plaintext.length;
      if (!this.push(plaintext)) this.#wanted = false;
    });
    if (options.initial !== undefined) this.#open(options.initial);
    pipe.setHandler({
      data: (chunk) => {
        this.#onData(chunk);
      },
      end: () => {
        this.#onEnd();
      },
      drain: () => {
        this.#onDrain();
      },
      error: (error) => {
        this.#pipeGone = true;
        this.destroy(error);
      },
    });
    if (options.initialEnd === true) this.#onEnd();
  }

  /** Application bytes handed to the pipe: 0 proves that the peer has seen none. */
  get bytesSent(): number {
    return this.#bytesSent;
  }

  /** Application bytes that came from the peer, read or not. */
  get bytesReceived(): number {
    return this.#bytesReceived;
  }

  // Towards the peer.

  override _write(chunk: Buffer, _encoding: BufferEncoding, callback: WriteCallback): void {
    this.#gather(chunk);
    this.#accept(callback);
  }

  override _writev(chunks: { chunk: Buffer }[], callback: WriteCallback): void {
    for (const { chunk } of chunks) this.#gather(chunk);
    this.#accept(callback);
  }

  override _final(callback: WriteCallback): void {
    this.#flush();
    this.#finSent = true;
    this.#pipe.end();
    callback();
  }

  #gather(chunk: Buffer): void {
    if (chunk.length === 0) return;
    this.#gathered.push(chunk);
    this.#gatheredBytes += chunk.length;
  }

  /** Many small writes of one tick become one frame; the callback of a write is withheld only while the pipe is full. */
  #accept(callback: WriteCallback): void {
    if (!this.#blocked && this.#gatheredBytes >= gatherBytes) this.#flush();
    if (this.#blocked) {
      this.#heldWrite = callback;
      return;
    }
    if (this.#gatheredBytes > 0 && !this.#flushScheduled) {
      this.#flushScheduled = true;
      process.nextTick(this.#flushLater);
    }
    callback();
  }

  readonly #flushLater = (): void => {
    this.#flushScheduled = false;
    if (!this.#blocked) this.#flush();
  };

  /** False: the pipe is full. */
  #flush(): boolean {
    if (this.#gatheredBytes === 0 || this.destroyed) return true;
    const plaintext = this.#gathered;
    this.#bytesSent += this.#gatheredBytes;
    this.#gathered = [];
    this.#gatheredBytes = 0;
    this.#blocked = !this.#pipe.write(this.#sealer.seal(plaintext));
    return !this.#blocked;
  }

  #onDrain(): void {
    this.#blocked = false;
    if (!this.#flush()) return;
    const callback = this.#heldWrite;
    this.#heldWrite = undefined;
    callback?.();
  }

  // From the peer.

  override _read(): void {
    this.#wanted = true;
    this.#credit();
  }

  #onData(chunk: Buffer): void {
    if (this.destroyed) return;
    this.#uncreditedBytes += chunk.length;
    this.#open(chunk);
    // Also in the middle of a frame, or one that is longer than the window could never be received.
    if (this.#wanted) this.#credit();
  }

  #onEnd(): void {
    if (this.destroyed) return;
    this.#peerEnded = true;
    if (this.#opener.atBoundary) this.push(null);
    else this.destroy(new PortalError('stream_truncated', 'the peer ended the tunnel in the middle of a data frame'));
  }

  #open(chunk: Buffer): void {
    try {
      this.#opener.push(chunk);
    } catch (error) {
      this.destroy(error as Error);
    }
  }

  #credit(): void {
    const bytes = this.#uncreditedBytes;
    if (bytes === 0 || this.#peerEnded || this.destroyed) return;
    this.#uncreditedBytes = 0;
    this.#pipe.consumed(bytes);
  }

  // The end.

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.#gathered = [];
    this.#gatheredBytes = 0;
    this.#sealer.dispose();
    this.#opener.dispose();
    // RST would also drop what this side has queued, so not after an orderly end of both.
    if (!this.#pipeGone && !(error === null && this.#finSent && this.#peerEnded)) this.#pipe.reset();
    const heldWrite = this.#heldWrite;
    this.#heldWrite = undefined;
    heldWrite?.(error ?? new PortalError('stream_aborted', 'the tunnel was destroyed'));
    callback(error);
  }
}

function duplexOptions({ allowHalfOpen = true, highWaterMark }: SecureChannelOptions): DuplexOptions {
  return {
    allowHalfOpen,
    ...(highWaterMark !== undefined && { readableHighWaterMark: highWaterMark, writableHighWaterMark: highWaterMark }),
  };
}
