// Limits the data frames that the process opens in one turn of the event loop. A peer may fill its
// window with frames of one byte, and Node reads a busy socket many times in a turn: without a
// limit this would block the loop for a tenth of a second.

/**
 * About 4 ms for frames of one byte, each forwarded as a response of its own; 64 MiB for ordinary
 * frames.
 */
const framesPerTurn = 2048;

export class FramePace {
  readonly #maxFrames: number;
  #leftFrames: number;
  #waiting: (() => void)[] = [];

  constructor(maxFrames: number = framesPerTurn) {
    this.#maxFrames = maxFrames;
    this.#leftFrames = maxFrames;
  }

  /**
   * Call before opening a frame or a part of one. Returns false if the limit of this turn is
   * reached.
   */
  take(): boolean {
    if (this.#leftFrames === 0) return false;
    this.#leftFrames -= 1;
    // Scheduled only at half of the limit, because few turns open that many frames.
    if (this.#leftFrames === this.#maxFrames >> 1) setImmediate(this.#turnOver);
    return true;
  }

  /** Calls back in a later turn, in FIFO order. Call only after take() returned false. */
  wait(proceed: () => void): void {
    this.#waiting.push(proceed);
  }

  readonly #turnOver = (): void => {
    this.#leftFrames = this.#maxFrames;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const [at, proceed] of waiting.entries()) {
      if (this.#leftFrames === 0) {
        // These come first in the next turn.
        this.#waiting = [...waiting.slice(at), ...this.#waiting];
        return;
      }
      proceed();
    }
  };
}

/** Shared by all tunnels of the process. */
export const processPace: FramePace = new FramePace();
