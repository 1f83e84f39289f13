// Bytes that arrived but cannot be read yet, in order.

/**
 * Pieces are merged when there are this many: held as single bytes they would take a hundred
 * times their size.
 */
const maxPieces = 64;
const noBytes: Buffer = Buffer.alloc(0);

export class HeldBytes {
  #pieces: Buffer[] = [];
  #length = 0;

  get length(): number {
    return this.#length;
  }

  push(piece: Buffer): void {
    this.#pieces.push(piece);
    this.#length += piece.length;
    if (this.#pieces.length >= maxPieces) this.#pieces = [Buffer.concat(this.#pieces)];
  }

  /** Puts back the rest of what shift() returned. */
  unshift(piece: Buffer): void {
    this.#pieces.unshift(piece);
    this.#length += piece.length;
  }

  /** Removes the first piece; empty if none is left. */
  shift(): Buffer {
    const piece = this.#pieces.shift() ?? noBytes;
    this.#length -= piece.length;
    return piece;
  }

  /** Removes and returns everything. */
  takeAll(): Buffer {
    const pieces = this.#pieces;
    this.clear();
    return pieces.length <= 1 ? (pieces[0] ?? noBytes) : Buffer.concat(pieces);
  }

  clear(): void {
    this.#pieces = [];
    this.#length = 0;
  }
}
