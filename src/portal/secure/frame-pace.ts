// How many data frames the process opens in one turn of the event loop. A peer may fill its window with frames of one byte, and Node
// reads a busy socket many times in a turn: without a bound that would stop everything else for a tenth of a second.

/** About 4 ms of frames of one byte, whose bytes go on as a response each. Of ordinary frames 64 MiB. */
const framesPerTurn = 2048;

export class FramePace {
  readonly #maxFrames: number;
  #leftFrames: number;
  #waiting: (() => void)[] = [];

  constructor(maxFrames: number = framesPerTurn) {
    this.#maxFrames = maxFrames;
    this.#leftFrames = maxFrames;
  }

  /** A frame, or a part of one, is about to be opened. False: not in this turn. */
  take(): boolean {
    if (this.#leftFrames === 0) return false;
    this.#leftFrames -= 1;
    // Not in each turn: nearly all have few frames.
    if (this.#leftFrames === this.#maxFrames >> 1) setImmediate(this.#turnOver);
    return true;
  }

  /** Calls back in a later turn, in the order of asking. Only after take() returned false. */
  wait(proceed: () => void): void {
    this.#waiting.push(proceed);
  }

  readonly #turnOver = (): void => {
    this.#leftFrames = this.#maxFrames;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const [at, proceed] of waiting.entries()) {
      if (this.#leftFrames === 0) {
        // First in the next turn.
        this.#waiting = [...waiting.slice(at), ...this.#waiting];
        return;
      }
      proceed();
    }
  };
}

/** For all tunnels of the process. */
export const processPace: FramePace = new FramePace();
