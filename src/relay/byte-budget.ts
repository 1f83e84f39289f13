// One shared allowance of bytes, out of the memory of its address. Independent of what takes them.
import type { HeldMemory } from './memory-ledger.ts';

export class ByteBudget {
  readonly #totalBytes: number;
  readonly #memory: HeldMemory;
  #takenBytes = 0;

  /** `memory`: holds what is taken, and nothing else. */
  constructor(totalBytes: number, memory: HeldMemory) {
    this.#totalBytes = totalBytes;
    this.#memory = memory;
  }

  /** False, and nothing is taken, when so much is not left. */
  take(bytes: number): boolean {
    if (this.#takenBytes + bytes > this.#totalBytes || !this.#memory.hold(this.#takenBytes + bytes)) return false;
    this.#takenBytes += bytes;
    return true;
  }

  give(bytes: number): void {
    this.#takenBytes -= bytes;
    this.#memory.hold(this.#takenBytes);
  }
}
