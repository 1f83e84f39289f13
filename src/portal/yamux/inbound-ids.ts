// Validates the stream ids that a peer opens: parity and uniqueness. Does not require ascending
// order: when two goroutines of a Go client open streams at once, their SYNs may be sent in any
// order.

/**
 * Ids that a peer may have skipped so far: it has at most 256 unacknowledged opens; the rest is a
 * margin.
 */
const maxSkipped = 1_024;

export class InboundIds {
  /** Initially below the first id of this parity. */
  #highest: number;
  readonly #skipped = new Set<number>();

  constructor(parity: 'odd' | 'even') {
    this.#highest = parity === 'odd' ? -1 : 0;
  }

  /** Whether the peer has ever opened this stream. */
  used(id: number): boolean {
    return this.#hasParity(id) && id <= this.#highest && !this.#skipped.has(id);
  }

  /** Records a SYN. Returns what is wrong with it, if anything. */
  open(id: number): string | undefined {
    if (!this.#hasParity(id) || id === 0) return `stream ${id} is not the peer's to open`;
    if (id <= this.#highest) return this.#skipped.delete(id) ? undefined : `stream ${id} was opened before`;
    if (id - this.#highest > 2 * maxSkipped) return `stream ${id} skips too many ids`;
    for (let skipped = this.#highest + 2; skipped < id; skipped += 2) this.#skipped.add(skipped);
    this.#highest = id;
    // Drops the oldest: an open that failed on the peer's side is never sent.
    for (const oldest of this.#skipped) {
      if (this.#skipped.size <= maxSkipped) break;
      this.#skipped.delete(oldest);
    }
    return undefined;
  }

  #hasParity(id: number): boolean {
    return (id - this.#highest) % 2 === 0;
  }
}
