// The end-to-end encrypted byte stream of a tunnel: sends bytes in sealed frames over a multiplexed
// stream. Decides when frames are made and when the peer is credited. The handshake is already
// complete.
import process from 'node:process';
import type { BytePipe, BytePipeHandler } from '../../kernel/net/byte-pipe.ts';
import { PortalError } from '../errors.ts';
import { deaf, type Pipe } from '../yamux/pipe.ts';
import { Excess, type ExcessBudget, processExcess } from './excess-budget.ts';
import { FrameOpener } from './frame-opener.ts';
import { FrameSealer } from './frame-sealer.ts';
import { maxGoFrameBytes } from './frame-format.ts';
import type { HandshakeResult } from './handshake.ts';
import { type HeaderSource, processHeaders } from './header-pool.ts';
import { HeldPieces } from './held-pieces.ts';
import { type FramePace, processPace } from './frame-pace.ts';
import { PacedOpener } from './paced-opener.ts';

export interface SecurePipeOptions {
  readonly result: HandshakeResult;
  /** Bytes that arrived after the handshake, already credited to the peer's window. */
  readonly initial?: Buffer;
  /** The peer has ended after these bytes. */
  readonly initialEnd?: boolean;
  /**
   * The longest frame accepted, 28 to 2^26 bytes: one tunnel may hold this much beyond its window
   * until the tag is verified. Default: the longest frame of a Go app.
   */
  readonly maxFrameBytes?: number;
  readonly headers?: HeaderSource;
  /** Limits the bytes of such frames over all tunnels. Default: one budget for the process. */
  readonly excess?: ExcessBudget;
  readonly pace?: FramePace;
}

/** This many written bytes are sealed immediately instead of at the end of the tick. */
const gatherBytes = 128 * 1024;

/**
 * end() sends FIN after all written bytes; destroy() sends RST unless both directions have ended.
 * The handler's closed() gets a PortalError: frame_malformed, stream_truncated, or the error of the
 * multiplexed stream.
 */
export class SecurePipe implements BytePipe {
  /** The peer's identity, proven in the handshake. */
  readonly peerId: string;
  readonly alpn: string;
  readonly #pipe: Pipe;
  readonly #sealer: FrameSealer;
  readonly #opener: FrameOpener;
  readonly #paced: PacedOpener;
  readonly #excess: Excess;
  #handler: BytePipeHandler | undefined;
  #state: 'open' | 'closed' = 'open';
  #bytesSent = 0;
  #bytesReceived = 0;

  /** Plaintext written in this tick, sealed together. */
  #gathered: Uint8Array[] = [];
  #gatheredBytes = 0;
  #flushScheduled = false;
  /** The multiplexed stream is above its high-water mark: nothing is sealed until it drains. */
  #blocked = false;
  #needsDrain = false;
  #sending: 'open' | 'ended' = 'open';
  #paused = false;
  /** Opened plaintext not yet delivered, while paused or without a handler. */
  readonly #held = new HeldPieces();
  #delivering = false;
  #uncreditedBytes = 0;
  #receiving: 'open' | 'ended' | 'end-delivered' = 'open';
  #failure: Error | undefined;
  #closeReported = false;

  constructor(pipe: Pipe, options: SecurePipeOptions) {
    const { result } = options;
    this.peerId = result.peerId;
    this.alpn = result.alpn;
    this.#pipe = pipe;
    this.#excess = new Excess(options.excess ?? processExcess);
    this.#sealer = new FrameSealer(result.sendKey, options.headers ?? processHeaders);
    this.#opener = new FrameOpener(result.receiveKey, options.maxFrameBytes ?? maxGoFrameBytes, (plaintext) => {
      this.#receive(plaintext);
    });
    this.#paced = new PacedOpener(this.#opener, options.pace ?? processPace, {
      opened: this.#opened,
      failed: this.#abort,
      ended: this.#onEnd,
    });
    if (options.initial !== undefined) this.#paced.openAtOnce(options.initial);
    if (this.#state === 'closed') return;
    pipe.setHandler({
      data: (chunk) => {
        if (this.#state === 'open') this.#paced.push(chunk);
      },
      end: () => {
        this.#paced.end();
      },
      drain: this.#onDrain,
      error: this.#over,
    });
    if (options.initialEnd === true) this.#onEnd();
  }

  /** Application bytes passed to the multiplexer: 0 proves that the peer has received none. */
  get bytesSent(): number {
    return this.#bytesSent;
  }

  /** Application bytes received from the peer, delivered or not. */
  get bytesReceived(): number {
    return this.#bytesReceived;
  }

  get closed(): boolean {
    return this.#state === 'closed';
  }

  get needsDrain(): boolean {
    return this.#needsDrain;
  }

  setHandler(handler: BytePipeHandler): void {
    this.#handler = handler;
    if (this.#state === 'closed') this.#reportClose();
    else this.#deliverHeld();
  }

  // Sending.

  write(chunk: Uint8Array): boolean {
    if (this.#state === 'closed' || this.#sending === 'ended') return true;
    if (chunk.length > 0) {
      this.#gathered.push(chunk);
      this.#gatheredBytes += chunk.length;
    }
    if (!this.#blocked && this.#gatheredBytes >= gatherBytes) this.#flush();
    if (this.#blocked) {
      this.#needsDrain = true;
      return false;
    }
    // Many small writes of one tick become one frame.
    if (this.#gatheredBytes > 0 && !this.#flushScheduled) {
      this.#flushScheduled = true;
      process.nextTick(this.#flushLater);
    }
    return true;
  }

  end(): void {
    if (this.#state === 'closed' || this.#sending === 'ended') return;
    this.#flush();
    this.#sending = 'ended';
    this.#pipe.end();
    this.#closeAfterBothEnds();
  }

  destroy(): void {
    if (this.#state === 'closed') return;
    this.#abort(undefined);
  }

  readonly #flushLater = (): void => {
    this.#flushScheduled = false;
    if (!this.#blocked) this.#flush();
  };

  /** Returns false if the multiplexed stream is full. */
  #flush(): boolean {
    if (this.#gatheredBytes === 0 || this.#state === 'closed' || this.#sending === 'ended') return true;
    const plaintext = this.#gathered;
    this.#bytesSent += this.#gatheredBytes;
    this.#gathered = [];
    this.#gatheredBytes = 0;
    this.#blocked = !this.#pipe.write(this.#sealer.seal(plaintext));
    return !this.#blocked;
  }

  readonly #onDrain = (): void => {
    this.#blocked = false;
    if (!this.#flush() || !this.#needsDrain) return;
    this.#needsDrain = false;
    this.#handler?.drain();
  };

  // Receiving.

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#deliverHeld();
  }

  readonly #opened = (bytes: number): void => {
    this.#uncreditedBytes += bytes;
    // Credited also within a frame: otherwise a frame longer than the window could not be received.
    this.#credit();
    this.#chargeExcess();
  };

  #receive(plaintext: Buffer): void {
    // The handler may have destroyed the pipe during an earlier piece of the same frame.
    if (this.#state === 'closed') return;
    this.#bytesReceived += plaintext.length;
    // Held bytes are delivered first, even if a handler resumes within data().
    if (this.#paused || this.#handler === undefined || this.#delivering) {
      this.#held.add(plaintext);
      return;
    }
    this.#handler.data(plaintext);
    if (!this.#held.isEmpty) this.#deliverHeld();
  }

  readonly #onEnd = (): void => {
    if (this.#state === 'closed') return;
    if (!this.#opener.atBoundary) {
      this.#abort(new PortalError('stream_truncated', 'the peer ended the tunnel within a data frame'));
      return;
    }
    this.#receiving = 'ended';
    this.#deliverHeld();
  };

  #deliverHeld(): void {
    if (this.#delivering) return;
    this.#delivering = true;
    // Read in each iteration, because data() may replace the handler.
    while (!this.#paused && this.#handler !== undefined) {
      const chunk = this.#held.take();
      if (chunk === undefined) break;
      this.#handler.data(chunk);
    }
    this.#delivering = false;
    this.#chargeExcess();
    if (!this.#held.isEmpty) return;
    this.#credit();
    if (this.#receiving !== 'ended' || this.#handler === undefined || this.#paused || this.#state === 'closed') return;
    this.#receiving = 'end-delivered';
    this.#handler.end();
    this.#closeAfterBothEnds();
  }

  #credit(): void {
    if (this.#paused || this.#handler === undefined) return;
    const bytes = this.#uncreditedBytes;
    if (bytes === 0 || this.#receiving !== 'open' || this.#state === 'closed') return;
    this.#uncreditedBytes = 0;
    this.#pipe.consumed(bytes);
  }

  /** Charges the held bytes that are already credited to the peer. */
  #chargeExcess(): void {
    const excessBytes = this.#opener.unverifiedBytes + this.#held.bytes - this.#uncreditedBytes;
    if (this.#state === 'closed' || this.#excess.set(excessBytes)) return;
    this.#abort(
      new PortalError('frame_malformed', 'the large data frames of all tunnels together take too much memory'),
    );
  }

  // Closing.

  #closeAfterBothEnds(): void {
    if (this.#sending === 'ended' && this.#receiving === 'end-delivered') this.#over(undefined);
  }

  /** Sends RST, which also drops the queued bytes of this side. */
  readonly #abort = (error: Error | undefined): void => {
    if (this.#state === 'closed') return;
    this.#pipe.setHandler(deaf);
    this.#pipe.reset();
    this.#over(error);
  };

  readonly #over = (error: Error | undefined): void => {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.#failure = error;
    this.#needsDrain = false;
    this.#gathered = [];
    this.#gatheredBytes = 0;
    this.#held.clear();
    this.#excess.close();
    this.#sealer.dispose();
    this.#paced.dispose();
    if (this.#handler !== undefined) this.#reportClose();
  };

  /** In a later tick, so that destroy() and end() do not call back synchronously. */
  #reportClose(): void {
    if (this.#closeReported) return;
    this.#closeReported = true;
    process.nextTick(() => this.#handler?.closed(this.#failure));
  }
}
