// Opens the frames of one tunnel as fast as the process allows. What comes beyond that is copied and waits for a later turn, in order
// and before the peer's end; the peer's window bounds it, because it is not credited before it is opened.
import type { FrameOpener } from './frame-opener.ts';
import type { FramePace } from './frame-pace.ts';

export interface PacedOpenerHost {
  /** So many bytes were read. */
  opened(bytes: number): void;
  /** PortalError frame_malformed. */
  failed(error: Error): void;
  /** The peer's end, behind everything that it sent. */
  ended(): void;
}

export class PacedOpener {
  readonly #opener: FrameOpener;
  readonly #pace: FramePace;
  readonly #host: PacedOpenerHost;
  #waiting: Buffer[] = [];
  #endWaits = false;
  #disposed = false;

  constructor(opener: FrameOpener, pace: FramePace, host: PacedOpenerHost) {
    this.#opener = opener;
    this.#pace = pace;
    this.#host = host;
  }

  /** What came with the handshake: not reported as opened, and in no later turn. */
  openAtOnce(chunk: Buffer): void {
    try {
      this.#opener.push(chunk);
    } catch (error) {
      this.#host.failed(error as Error);
    }
  }

  /** The chunk is lent. */
  push(chunk: Buffer): void {
    if (this.#waiting.length > 0) this.#waiting.push(Buffer.from(chunk));
    else if (!this.#open(chunk, true)) this.#pace.wait(this.#proceed);
  }

  end(): void {
    if (this.#waiting.length > 0) this.#endWaits = true;
    else this.#host.ended();
  }

  /** Idempotent. */
  dispose(): void {
    this.#disposed = true;
    this.#waiting = [];
    this.#opener.dispose();
  }

  readonly #proceed = (): void => {
    for (let chunk = this.#waiting.shift(); chunk !== undefined; chunk = this.#waiting.shift()) {
      if (this.#open(chunk, false)) continue;
      this.#pace.wait(this.#proceed);
      return;
    }
    if (!this.#endWaits || this.#disposed) return;
    this.#endWaits = false;
    this.#host.ended();
  };

  /** False: a part of the chunk waits. */
  #open(chunk: Buffer, lent: boolean): boolean {
    let bytes: number;
    try {
      bytes = this.#opener.push(chunk, this.#pace);
    } catch (error) {
      this.#host.failed(error as Error);
      return true;
    }
    if (this.#disposed) return true;
    // Before the host may be called again with what follows.
    if (bytes < chunk.length) {
      const rest = chunk.subarray(bytes);
      this.#waiting.unshift(lent ? Buffer.from(rest) : rest);
    }
    this.#host.opened(bytes);
    return bytes === chunk.length;
  }
}
