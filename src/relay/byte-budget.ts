// A byte allowance shared by several users, charged to the memory account of one address.
import type { HeldMemory } from './memory-ledger.ts';

export class ByteBudget {
  readonly #totalBytes: number;
  readonly #memory: HeldMemory;
  #takenBytes = 0;

  /** `memory`: a holder used by this budget alone. */
  constructor(totalBytes: number, memory: HeldMemory) {
    this.#totalBytes = totalBytes;
    this.#memory = memory;
  }

  /** Returns false and takes nothing if fewer than `bytes` are left. */
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
