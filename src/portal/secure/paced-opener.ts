// Opens the frames of one tunnel within the pace of the process. Excess input is copied and
// processed in a later turn, in order and before the peer's end. The peer's window limits it,
// because bytes are credited only after they are opened.
import type { FrameOpener } from './frame-opener.ts';
import type { FramePace } from './frame-pace.ts';

export interface PacedOpenerHost {
  /** `bytes` bytes were read. */
  opened(bytes: number): void;
  /** Reports PortalError frame_malformed. */
  failed(error: Error): void;
  /** The peer ended, after all its bytes. */
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

  /** Opens the bytes that came with the handshake immediately, without reporting them as opened. */
  openAtOnce(chunk: Buffer): void {
    try {
      this.#opener.push(chunk);
    } catch (error) {
      this.#host.failed(error as Error);
    }
  }

  /** The chunk is valid only during this call. */
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

  /** Returns false if a part of the chunk must wait. */
  #open(chunk: Buffer, lent: boolean): boolean {
    let bytes: number;
    try {
      bytes = this.#opener.push(chunk, this.#pace);
    } catch (error) {
      this.#host.failed(error as Error);
      return true;
    }
    if (this.#disposed) return true;
    // Queued before the host is called, because it may push the bytes that follow.
    if (bytes < chunk.length) {
      const rest = chunk.subarray(bytes);
      this.#waiting.unshift(lent ? Buffer.from(rest) : rest);
    }
    this.#host.opened(bytes);
    return bytes === chunk.length;
  }
}
