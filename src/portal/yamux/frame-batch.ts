// Gathers frames into one list of pieces. Payload is passed on unchanged; headers are contiguous in
// a slab, so that a run of frames without a body is a single piece.
import { headerBytes, writeHeader, type FrameType } from './frame.ts';

/** Headers per slab: small, because a few unsent frames keep a whole slab alive. */
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
      // A new slab, because the carrier may hold views of the old one.
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

  /** Returns the pieces in order. Nothing may be added afterwards. */
  finish(): readonly Uint8Array[] {
    this.#endRun();
    return this.#pieces;
  }

  /** Returns a new batch that uses the rest of this one's slab. */
  successor(): FrameBatch {
    return new FrameBatch(this.#slab, this.#runEnd);
  }

  #endRun(): void {
    if (this.#runStart === this.#runEnd) return;
    this.#pieces.push(this.#slab.subarray(this.#runStart, this.#runEnd));
    this.#runStart = this.#runEnd;
  }
}
