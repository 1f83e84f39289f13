// Received bytes without a reader. Stores copies, because the carrier's buffers are reused. Small
// chunks share a block: a peer that sends its window byte by byte would otherwise cost an object
// for each byte.

/** Smaller chunks share a block of this size; larger ones are copied separately. */
const blockBytes = 4_096;
/** Consumed entries at the front of the list before it is compacted. */
const compactFromHead = 64;

export class InputQueue {
  #chunks: Buffer[] = [];
  #head = 0;
  /** The block at the end of the queue for small chunks. */
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
