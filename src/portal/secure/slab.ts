// Allocates small buffers from shared blocks, because a separate allocation costs more than sealing
// a small frame. Never returns the same bytes twice.

/**
 * A buffer keeps its whole block alive, so blocks are small: 64 KiB, as in Node 26's
 * Buffer.allocUnsafe, would be too much for a reader that keeps one small event.
 */
const blockBytes = 16_384;

export class Slab {
  #block: Buffer = Buffer.alloc(0);
  #offset = 0;

  /** An uninitialised buffer of `bytes` bytes that belongs to the caller. */
  take(bytes: number): Buffer {
    if (this.#offset + bytes > this.#block.length) {
      if (bytes > blockBytes / 4) return Buffer.allocUnsafeSlow(bytes);
      this.#block = Buffer.allocUnsafeSlow(blockBytes);
      this.#offset = 0;
    }
    const start = this.#offset;
    this.#offset += bytes;
    return this.#block.subarray(start, this.#offset);
  }
}
