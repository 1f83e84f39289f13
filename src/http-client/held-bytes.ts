// Bytes that arrived but cannot be read yet, in order.

/** Larger pieces are neither copied nor merged: a reader gets what arrived, piece by piece. */
const smallBytes = 1024;
/**
 * Small pieces are merged when this many stand at the end: held as single bytes they would take a
 * hundred times their size.
 */
const maxSmallPieces = 64;
const noBytes: Buffer = Buffer.alloc(0);

export class HeldBytes {
  #pieces: Buffer[] = [];
  #length = 0;
  /** Small pieces at the end. */
  #smallCount = 0;

  get length(): number {
    return this.#length;
  }

  push(piece: Buffer): void {
    this.#pieces.push(piece);
    this.#length += piece.length;
    this.#smallCount = piece.length < smallBytes ? this.#smallCount + 1 : 0;
    if (this.#smallCount < maxSmallPieces) return;
    const merged = Buffer.concat(this.#pieces.splice(-this.#smallCount));
    this.#pieces.push(merged);
    this.#smallCount = merged.length < smallBytes ? 1 : 0;
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
    this.#smallCount = Math.min(this.#smallCount, this.#pieces.length);
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
    this.#smallCount = 0;
  }
}
