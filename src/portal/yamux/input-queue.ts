// Owns received bytes that nobody takes yet: copies, for the carrier only lends them. Small chunks are copied together: a peer that
// sends its window byte by byte would otherwise make us hold an object for each byte.

/** Smaller chunks share a block of this size, larger ones have one of their own. */
const blockBytes = 4_096;
/** Taken entries at the front of the list before it is moved up. */
const compactFromHead = 64;

export class InputQueue {
  #chunks: Buffer[] = [];
  #head = 0;
  /** The block at the end of the queue that small chunks are copied into. */
  #block: Buffer | undefined;
  #blockStart = 0;
  #blockEnd = 0;
  bytes = 0;

  add(chunk: Buffer): void {
    this.bytes += chunk.length;
    if (chunk.length >= blockBytes) {
      this.#closeBlock();
      this.#chunks.push(Buffer.from(chunk));
      return;
    }
    if (this.#block === undefined || this.#block.length - this.#blockEnd < chunk.length) {
      this.#closeBlock();
      this.#block = Buffer.allocUnsafeSlow(blockBytes);
      this.#blockStart = this.#blockEnd = 0;
    }
    chunk.copy(this.#block, this.#blockEnd);
    this.#blockEnd += chunk.length;
  }

  /** The next bytes in order; undefined when there are none. */
  take(): Buffer | undefined {
    if (this.#head === this.#chunks.length) this.#closeBlock();
    const chunk = this.#chunks[this.#head];
    if (chunk === undefined) return undefined;
    this.#head += 1;
    this.bytes -= chunk.length;
    if (this.#head === this.#chunks.length || this.#head >= compactFromHead) {
      this.#chunks.splice(0, this.#head);
      this.#head = 0;
    }
    return chunk;
  }

  #closeBlock(): void {
    if (this.#block === undefined || this.#blockStart === this.#blockEnd) return;
    this.#chunks.push(this.#block.subarray(this.#blockStart, this.#blockEnd));
    this.#blockStart = this.#blockEnd;
  }
}
