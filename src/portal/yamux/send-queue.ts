// Bytes that a stream has accepted but not framed yet: pieces in order, split at frame boundaries,
// never copied.
import type { FrameBatch } from './frame-batch.ts';

/** Framed entries at the front of the list before it is compacted. */
const compactFromHead = 64;

export class SendQueue {
  #pieces: Uint8Array[] = [];
  #head = 0;
  bytes = 0;

  add(piece: Uint8Array): void {
    if (piece.length === 0) return;
    this.#pieces.push(piece);
    this.bytes += piece.length;
  }

  /** Moves the first `bytes` bytes into the batch; the queue must have as many. */
  moveInto(batch: FrameBatch, bytes: number): void {
    this.bytes -= bytes;
    let left = bytes;
    while (left > 0) {
      const piece = this.#pieces[this.#head];
      if (piece === undefined) throw new RangeError(`${left} bytes more than the queue holds`);
      if (piece.length > left) {
        batch.piece(piece.subarray(0, left));
        this.#pieces[this.#head] = piece.subarray(left);
        break;
      }
      batch.piece(piece);
      left -= piece.length;
      this.#head += 1;
    }
    if (this.#head === this.#pieces.length) {
      this.#pieces.length = 0;
      this.#head = 0;
    } else if (this.#head >= compactFromHead) {
      this.#pieces.splice(0, this.#head);
      this.#head = 0;
    }
  }
}
