// A queue of plaintext for a slow reader. Copies small pieces together, so that single bytes do not
// cost an object each.

/** Pieces of this size or more are not copied. */
const smallBytes = 1024;
const blockBytes = 4096;
/** Consumed entries at the front of the list before it is compacted. */
const compactFromHead = 64;

export class HeldPieces {
  bytes = 0;
  #pieces: (Buffer | undefined)[] = [];
  #head = 0;
  /** Small pieces that follow #pieces. */
  #block: Buffer | undefined;
  #blockStart = 0;
  #blockEnd = 0;

  get isEmpty(): boolean {
    return this.bytes === 0;
  }

  /** Takes ownership of the piece. */
  add(piece: Buffer): void {
    this.bytes += piece.length;
    if (piece.length >= smallBytes) {
      this.#closeBlock();
      this.#pieces.push(piece);
      return;
    }
    if (this.#block === undefined || this.#block.length - this.#blockEnd < piece.length) {
      this.#closeBlock();
      this.#block = undefined;
      const last = this.#pieces[this.#pieces.length - 1];
      // A single small piece does not need a block.
      if (last === undefined || last.length >= smallBytes) {
        this.#pieces.push(piece);
        return;
      }
      this.#pieces.pop();
      this.#block = Buffer.allocUnsafeSlow(blockBytes);
      this.#blockStart = 0;
      this.#blockEnd = last.copy(this.#block);
    }
    this.#blockEnd += piece.copy(this.#block, this.#blockEnd);
  }

  /** The next bytes in order; undefined when there are none. */
  take(): Buffer | undefined {
    if (this.#head === this.#pieces.length) this.#closeBlock();
    const piece = this.#pieces[this.#head];
    if (piece === undefined) return undefined;
    this.#pieces[this.#head] = undefined;
    this.#head += 1;
    this.bytes -= piece.length;
    if (this.isEmpty) this.clear();
    else if (this.#head >= compactFromHead && 2 * this.#head >= this.#pieces.length) {
      this.#pieces.splice(0, this.#head);
      this.#head = 0;
    }
    return piece;
  }

  clear(): void {
    this.bytes = 0;
    this.#pieces = [];
    this.#head = 0;
    this.#block = undefined;
    this.#blockStart = this.#blockEnd = 0;
  }

  #closeBlock(): void {
    if (this.#block === undefined || this.#blockStart === this.#blockEnd) return;
    this.#pieces.push(this.#block.subarray(this.#blockStart, this.#blockEnd));
    this.#blockStart = this.#blockEnd;
  }
}
