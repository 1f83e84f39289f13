// Limits the bytes that all tunnels of a process together hold beyond their flow-control windows. A
// frame longer than a window is received by crediting bytes before the frame is complete, and
// nothing of it is released before its tag is verified. Without a common limit, a few hundred
// tunnels with a frame of 32 MiB each would exhaust the memory.

/** Not charged: enough for ordinary frames and for bytes that a reader leaves for the next turn. */
const freeBytes = 128 * 1024;

export class ExcessBudget {
  leftBytes: number;

  constructor(bytes: number) {
    this.leftBytes = bytes;
  }
}

/** Eight of the longest frames of a Go app. */
export const processExcess: ExcessBudget = new ExcessBudget(256 * 1024 * 1024);

/** The share of one tunnel. */
export class Excess {
  readonly #budget: ExcessBudget;
  #takenBytes = 0;

  constructor(budget: ExcessBudget) {
    this.#budget = budget;
  }

  /**
   * Records the bytes that the tunnel holds beyond its window. Returns false if all tunnels
   * together hold too much; the caller must then end this one.
   */
  set(bytes: number): boolean {
    const chargedBytes = Math.max(0, bytes - freeBytes);
    if (chargedBytes === this.#takenBytes) return true;
    const leftBytes = this.#budget.leftBytes + this.#takenBytes - chargedBytes;
    if (leftBytes < 0) return false;
    this.#budget.leftBytes = leftBytes;
    this.#takenBytes = chargedBytes;
    return true;
  }

  /** Idempotent. */
  close(): void {
    this.set(0);
  }
}
