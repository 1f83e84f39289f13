// Seals and opens small frames with ChaCha20-Poly1305 (RFC 8439) in WebAssembly, because a call to
// node:crypto costs more than the cipher itself (bench/micro/secure.ts). Does not check protocol
// limits and keeps no key.
import { type AeadInstance, instantiateAead } from './aead-instance.ts';
import { aeadLayout as layout } from './aead-layout.ts';
import { headerBytes, tagBytes } from './frame-format.ts';
import { Slab } from './slab.ts';

/**
 * One instance serves the whole process: calls do not overlap, and after each call its memory holds
 * no key, keystream or plaintext, only bytes that are or were on the wire.
 */
export class SmallFrameCipher {
  readonly #instance: AeadInstance;
  readonly #memory: Buffer;
  readonly #slab = new Slab();

  /** Takes ownership of `instance`. */
  constructor(instance: AeadInstance) {
    this.#instance = instance;
    this.#memory = Buffer.from(instance.memory.buffer);
  }

  /**
   * Returns the frame that carries the pieces of `plaintext`, `plaintextBytes` in total, as one
   * buffer that belongs to the caller. `key` has 32 bytes; `header` is length and nonce. Throws
   * RangeError above 16 KiB.
   */
  seal(key: Uint8Array, header: Uint8Array, plaintext: readonly Uint8Array[], plaintextBytes: number): Buffer {
    this.#checkLength(plaintextBytes);
    const memory = this.#memory;
    memory.set(key, layout.key);
    memory.set(header, layout.frame);
    let end: number = layout.data;
    for (const piece of plaintext) {
      memory.set(piece, end);
      end += piece.length;
    }
    this.#instance.seal(plaintextBytes);
    const frame = this.#slab.take(headerBytes + plaintextBytes + tagBytes);
    memory.copy(frame, 0, layout.frame, layout.frame + frame.length);
    return frame;
  }

  /**
   * Returns the plaintext of the frame in `chunk` from `start` to `end`, in memory that belongs to
   * the caller; undefined if the tag is invalid. Throws RangeError above 16 KiB of plaintext.
   */
  open(key: Uint8Array, chunk: Buffer, start: number, end: number): Buffer | undefined {
    const plaintextBytes = end - start - headerBytes - tagBytes;
    this.#checkLength(plaintextBytes);
    const memory = this.#memory;
    memory.set(key, layout.key);
    chunk.copy(memory, layout.frame, start, end);
    if (this.#instance.open(plaintextBytes) === 0) return undefined;
    const plaintext = this.#slab.take(plaintextBytes);
    memory.copy(plaintext, 0, layout.plaintext, layout.plaintext + plaintextBytes);
    this.#instance.clear(layout.plaintext, layout.plaintext + plaintextBytes);
    return plaintext;
  }

  /** A longer frame would overlap other areas of the memory. */
  #checkLength(plaintextBytes: number): void {
    if (plaintextBytes < 0 || plaintextBytes > layout.capacityBytes) {
      throw new RangeError(`a small frame holds 0 to ${layout.capacityBytes} bytes, not ${plaintextBytes}`);
    }
  }
}

/**
 * Null if WebAssembly with SIMD is not available: other processors, `node --jitless`, no address
 * space for its memory.
 */
export function createSmallFrameCipher(instantiate: () => AeadInstance = instantiateAead): SmallFrameCipher | null {
  try {
    return new SmallFrameCipher(instantiate());
  } catch {
    return null;
  }
}

/** Shared by all channels of the process. */
export const processSmallFrameCipher: SmallFrameCipher | null = createSmallFrameCipher();
