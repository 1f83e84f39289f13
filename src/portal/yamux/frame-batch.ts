// Owns the gathering of frames into one list of pieces. Payload is passed on as it is; headers lie one behind the other in a
// slab, so that a run of frames without body is a single piece.
import { headerBytes, writeHeader, type FrameType } from './frame.ts';

/** Headers in a slab: small enough to be kept alive by a few frames that are still on their way. */
const slabHeaders = 512;

export class FrameBatch {
  readonly #pieces: Uint8Array[] = [];
  #slab: Buffer;
  #runStart: number;
  #runEnd: number;
  bytes = 0;

  constructor(slab: Buffer = Buffer.allocUnsafeSlow(slabHeaders * headerBytes), slabUsedBytes = 0) {
    this.#slab = slab;
    this.#runStart = this.#runEnd = slabUsedBytes;
  }

  header(type: FrameType, flags: number, streamId: number, length: number): void {
    if (this.#runEnd + headerBytes > this.#slab.length) {
      this.#endRun();
      // Never written again: the carrier may hold views into the old one for as long as it likes.
      this.#slab = Buffer.allocUnsafeSlow(slabHeaders * headerBytes);
      this.#runStart = this.#runEnd = 0;
    }
    writeHeader(this.#slab, this.#runEnd, type, flags, streamId, length);
    this.#runEnd += headerBytes;
    this.bytes += headerBytes;
  }

  piece(piece: Uint8Array): void {
    this.#endRun();
    this.#pieces.push(piece);
    this.bytes += piece.length;
  }

  /** The pieces in order. Nothing may be added afterwards. */
  finish(): readonly Uint8Array[] {
    this.#endRun();
    return this.#pieces;
  }

  /** A new batch that goes on in the rest of this one's slab. */
  successor(): FrameBatch {
    return new FrameBatch(this.#slab, this.#runEnd);
  }

  #endRun(): void {
    if (this.#runStart === this.#runEnd) return;
    this.#pieces.push(this.#slab.subarray(this.#runStart, this.#runEnd));
    this.#runStart = this.#runEnd;
  }
}
