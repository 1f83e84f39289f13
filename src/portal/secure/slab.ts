// Hands out small buffers from shared blocks, because an allocation of its own costs more than sealing a small frame does.
// Never hands out the same bytes twice.

/**
 * A buffer that is kept for long keeps its block alive, so a block is small: 64 KiB, as Buffer.allocUnsafe has them on Node 26, is
 * a lot for a reader that holds one event.
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
