// Makes data frames from plaintext: small ones in WebAssembly, larger ones with node:crypto. Does
// not decide when to send.
import { type CipherChaCha20Poly1305, createCipheriv, type KeyObject } from 'node:crypto';
import {
  cipherName,
  cipherOptions,
  headerBytes,
  lengthBytes,
  overheadBytes,
  smallPlaintextBytes,
} from './frame-format.ts';
import type { HeaderSource } from './header-pool.ts';
import { processSmallFrameCipher, type SmallFrameCipher } from './small-frame-cipher.ts';

/**
 * Maximum plaintext of one frame: one socket read of 64 KiB with HTTP chunk framing around it. Half
 * of it costs a tenth more CPU for sealing and opening, twice of it a tenth less
 * (bench/micro/secure.ts), but the receiver must wait for a whole frame.
 */
export const framePlaintextBytes: number = 65 * 1024;

/**
 * Below this size, copying pieces together costs less than one cipher call for each
 * (bench/micro/secure.ts).
 */
const smallPieceBytes = 2048;

export class FrameSealer {
  readonly #headers: HeaderSource;
  readonly #framePlaintextBytes: number;
  readonly #smallCipher: SmallFrameCipher | null;
  #key: KeyObject | undefined;
  /** The bytes of the key, for #smallCipher. */
  #keyBytes: Buffer | undefined;

  /**
   * `maxPlaintextBytes` limits one frame. With null for `smallCipher` all frames are sealed by
   * node:crypto.
   */
  constructor(
    key: KeyObject,
    headers: HeaderSource,
    maxPlaintextBytes: number = framePlaintextBytes,
    smallCipher: SmallFrameCipher | null = processSmallFrameCipher,
  ) {
    this.#key = key;
    this.#headers = headers;
    this.#framePlaintextBytes = maxPlaintextBytes;
    this.#smallCipher = smallCipher;
    if (smallCipher !== null) this.#keyBytes = key.export();
  }

  /** Returns the frames that carry `plaintext`, as pieces in sending order; none if it is empty. */
  seal(plaintext: readonly Uint8Array[]): Uint8Array[] {
    const key = this.#key;
    if (key === undefined) throw new Error('sealing after dispose()');
    let leftBytes = 0;
    for (const piece of plaintext) leftBytes += piece.length;
    if (leftBytes === 0) return [];
    if (
      this.#smallCipher !== null &&
      this.#keyBytes !== undefined &&
      leftBytes <= Math.min(smallPlaintextBytes, this.#framePlaintextBytes)
    ) {
      const header = this.#headers.next();
      header.writeUInt32BE(leftBytes + overheadBytes);
      return [this.#smallCipher.seal(this.#keyBytes, header, plaintext, leftBytes)];
    }

    const frames: Uint8Array[] = [];
    let cipher: CipherChaCha20Poly1305 | undefined;
    let roomBytes = 0;
    for (const piece of plaintext.length === 1 ? plaintext : joinSmallPieces(plaintext)) {
      let start = 0;
      while (start < piece.length) {
        if (cipher === undefined) {
          roomBytes = Math.min(leftBytes, this.#framePlaintextBytes);
          const header = this.#headers.next();
          header.writeUInt32BE(roomBytes + overheadBytes);
          frames.push(header);
          cipher = createCipher(key, header);
        }
        const end = Math.min(piece.length, start + roomBytes);
        frames.push(cipher.update(end - start === piece.length ? piece : piece.subarray(start, end)));
        roomBytes -= end - start;
        leftBytes -= end - start;
        start = end;
        if (roomBytes === 0) {
          cipher.final();
          frames.push(cipher.getAuthTag());
          cipher = undefined;
        }
      }
    }
    return frames;
  }

  /**
   * Zeroes the key bytes and drops the KeyObject, whose memory Node clears on collection.
   * Idempotent.
   */
  dispose(): void {
    this.#keyBytes?.fill(0);
    this.#keyBytes = undefined;
    this.#key = undefined;
  }
}

function createCipher(key: KeyObject, header: Buffer): CipherChaCha20Poly1305 {
  return createCipheriv(cipherName, key, header.subarray(lengthBytes, headerBytes), cipherOptions);
}

/** Joins runs of small pieces; large pieces are never copied. */
function joinSmallPieces(pieces: readonly Uint8Array[]): readonly Uint8Array[] {
  const joined: Uint8Array[] = [];
  let run: Uint8Array[] = [];
  for (const piece of pieces) {
    if (piece.length < smallPieceBytes) {
      run.push(piece);
      continue;
    }
    if (run.length > 0) joined.push(join(run));
    run = [];
    joined.push(piece);
  }
  if (run.length > 0) joined.push(join(run));
  return joined;
}

function join(run: readonly Uint8Array[]): Uint8Array {
  const [only] = run;
  return run.length === 1 && only !== undefined ? only : Buffer.concat(run);
}
