// Owns the judgement of the stream ids that a peer opens: parity, and that none is used twice. Knows no stream.
// Not their order: two goroutines of a Go client that open at once take their ids in order and send their SYNs in any order.

/** Ids that a peer may have skipped for the time being: it keeps 256 opens un-acknowledged at most, and some more is grace. */
const maxSkipped = 1_024;

export class InboundIds {
  /** Below the first id of this parity at the start. */
  #highest: number;
  readonly #skipped = new Set<number>();

  constructor(parity: 'odd' | 'even') {
    this.#highest = parity === 'odd' ? -1 : 0;
  }

  /** Whether the peer has opened this stream at some time. */
  used(id: number): boolean {
    return this.#hasParity(id) && id <= this.#highest && !this.#skipped.has(id);
  }

  /** Takes note of a SYN. Returns what is wrong with it. */
  open(id: number): string | undefined {
    if (!this.#hasParity(id) || id === 0) return `stream ${id} is not the peer's to open`;
    if (id <= this.#highest) return this.#skipped.delete(id) ? undefined : `stream ${id} was opened before`;
    if (id - this.#highest > 2 * maxSkipped) return `stream ${id} skips too many ids`;
    for (let skipped = this.#highest + 2; skipped < id; skipped += 2) this.#skipped.add(skipped);
    this.#highest = id;
    // The oldest are given up: an open that failed on the peer's side is never sent.
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
