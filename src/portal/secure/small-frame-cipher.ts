// Seals and opens small frames with ChaCha20-Poly1305 (RFC 8439) in WebAssembly, where a call to node:crypto costs more than the
// cipher itself. Checks no limits of the protocol and keeps no key.
import { type AeadInstance, instantiateAead } from './aead-instance.ts';
import { aeadLayout as layout } from './aead-layout.ts';
import { headerBytes, tagBytes } from './frame.ts';
import { Slab } from './slab.ts';

/**
 * One for the whole process: calls do not overlap, and after each of them its memory holds neither key nor keystream nor plaintext,
 * only bytes that were on the wire.
 */
export class SmallFrameCipher {
  /** The longest plaintext taken, bytes. */
  readonly maxPlaintextBytes: number = layout.capacityBytes;
  readonly #instance: AeadInstance;
  readonly #memory: Buffer;
  readonly #slab = new Slab();

  /** `instance` must be used by nobody else. */
  constructor(instance: AeadInstance) {
    this.#instance = instance;
    this.#memory = Buffer.from(instance.memory.buffer);
  }

  /**
   * The frame that carries `plaintext`, pieces of `plaintextBytes` in all, in one buffer that belongs to the caller.
   * `key` has 32 bytes; `header` is length and nonce.
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
   * The plaintext of the frame that lies in `chunk` from `start` to `end`, in memory that belongs to the caller. Undefined where
   * the tag is wrong.
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

  /** Beyond it the areas of the memory would overlap. */
  #checkLength(plaintextBytes: number): void {
    if (plaintextBytes < 0 || plaintextBytes > layout.capacityBytes) {
      throw new RangeError(`a small frame holds 0 to ${layout.capacityBytes} bytes, not ${plaintextBytes}`);
    }
  }
}

/** Null where WebAssembly with SIMD does not run: other processors, `node --jitless`, no address space for its memory. */
export function createSmallFrameCipher(instantiate: () => AeadInstance = instantiateAead): SmallFrameCipher | null {
  try {
    return new SmallFrameCipher(instantiate());
  } catch {
    return null;
  }
}

/** For all channels of the process. */
export const processSmallFrameCipher: SmallFrameCipher | null = createSmallFrameCipher();
