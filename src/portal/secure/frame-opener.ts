// Opens data frames from a stream that may be split anywhere, and releases nothing of a frame
// before its tag is verified. Small frames are opened in WebAssembly once complete; parts of larger
// ones are deciphered on arrival, so that no byte is held twice.
import { createDecipheriv, type DecipherChaCha20Poly1305, type KeyObject } from 'node:crypto';
import { PortalError } from '../errors.ts';
import {
  cipherName,
  cipherOptions,
  headerBytes,
  lengthBytes,
  overheadBytes,
  smallPlaintextBytes,
  tagBytes,
} from './frame-format.ts';
import type { FramePace } from './frame-pace.ts';
import { processSmallFrameCipher, type SmallFrameCipher } from './small-frame-cipher.ts';

/**
 * Smaller parts of a frame are gathered before deciphering, so that single bytes do not cost a
 * buffer each.
 */
const stageBytes = 4096;

export class FrameOpener {
  readonly #maxFrameBytes: number;
  readonly #deliver: (plaintext: Buffer) => void;
  readonly #smallCipher: SmallFrameCipher | null;
  #key: KeyObject | undefined;
  /** The bytes of the key, for #smallCipher. */
  #keyBytes: Buffer | undefined;
  /** The received part of a small frame that is split. */
  #smallFrame: Buffer | undefined;
  #smallFrameBytes = 0;
  /** The received part of the next frame's header, or of the current frame's tag. */
  readonly #head: Buffer = Buffer.alloc(headerBytes);
  #headBytes = 0;
  /** Set while a frame is open; the fields below belong to that frame. */
  #decipher: DecipherChaCha20Poly1305 | undefined;
  #ciphertextLeftBytes = 0;
  #unverified: Buffer[] = [];
  #unverifiedBytes = 0;
  #stage: Buffer | undefined;
  #stagedBytes = 0;

  /**
   * `deliver` gets verified plaintext, a frame in one or more pieces; it may call dispose(). With
   * null for `smallCipher` all frames are opened by node:crypto.
   */
  constructor(
    key: KeyObject,
    maxFrameBytes: number,
    deliver: (plaintext: Buffer) => void,
    smallCipher: SmallFrameCipher | null = processSmallFrameCipher,
  ) {
    this.#key = key;
    this.#maxFrameBytes = maxFrameBytes;
    this.#deliver = deliver;
    this.#smallCipher = smallCipher;
    if (smallCipher !== null) this.#keyBytes = key.export();
  }

  /** Whether no frame is partially received. */
  get atBoundary(): boolean {
    return this.#decipher === undefined && this.#smallFrame === undefined && this.#headBytes === 0;
  }

  /** Bytes held of a frame whose tag is not verified; small frames are not counted. */
  get unverifiedBytes(): number {
    return this.#unverifiedBytes;
  }

  /**
   * Returns the number of bytes read: all of them, unless `pace` allows no more frames in this turn
   * or dispose() was called. Throws PortalError frame_malformed, after which the opener must not be
   * used.
   */
  push(chunk: Buffer, pace?: FramePace): number {
    let offset = 0;
    while (offset < chunk.length && this.#key !== undefined && pace?.take() !== false) {
      if (this.#decipher !== undefined) offset = this.#continueFrame(this.#decipher, chunk, offset);
      else if (this.#smallFrame !== undefined) offset = this.#continueSmallFrame(this.#smallFrame, chunk, offset);
      else if (this.#headBytes === 0 && chunk.length - offset >= headerBytes)
        offset = this.#beginFrame(this.#key, chunk, offset);
      else offset = this.#gatherHeader(this.#key, chunk, offset);
    }
    return offset;
  }

  /** Zeroes and drops the key bytes and the unreleased plaintext. Idempotent. */
  dispose(): void {
    this.#keyBytes?.fill(0);
    this.#keyBytes = undefined;
    this.#key = undefined;
    this.#smallFrame = undefined;
    this.#decipher = undefined;
    for (const piece of this.#unverified) piece.fill(0);
    this.#unverified = [];
    this.#unverifiedBytes = 0;
    this.#stage = undefined;
  }

  /**
   * The chunk contains a complete header, perhaps the whole frame: the common case, without a copy.
   */
  #beginFrame(key: KeyObject, chunk: Buffer, offset: number): number {
    const length = this.#checkLength(chunk.readUInt32BE(offset));
    if (this.#smallCipher !== null && length <= smallPlaintextBytes + overheadBytes) {
      return this.#beginSmallFrame(chunk, offset, offset + lengthBytes + length);
    }
    const ciphertext = offset + headerBytes;
    const decipher = createDecipheriv(cipherName, key, chunk.subarray(offset + lengthBytes, ciphertext), cipherOptions);
    const end = offset + lengthBytes + length;
    if (end > chunk.length) {
      this.#decipher = decipher;
      this.#ciphertextLeftBytes = length - overheadBytes;
      return ciphertext;
    }
    const tag = end - tagBytes;
    const plaintext = decipher.update(chunk.subarray(ciphertext, tag));
    verify(decipher, chunk.subarray(tag, end));
    if (plaintext.length > 0) this.#deliver(plaintext);
    return end;
  }

  #beginSmallFrame(chunk: Buffer, offset: number, end: number): number {
    if (end <= chunk.length) {
      this.#openSmallFrame(chunk, offset, end);
      return end;
    }
    const frame = Buffer.allocUnsafeSlow(end - offset);
    this.#smallFrameBytes = chunk.copy(frame, 0, offset);
    this.#smallFrame = frame;
    return chunk.length;
  }

  #continueSmallFrame(frame: Buffer, chunk: Buffer, offset: number): number {
    const takenBytes = chunk.copy(frame, this.#smallFrameBytes, offset);
    this.#smallFrameBytes += takenBytes;
    if (this.#smallFrameBytes === frame.length) {
      this.#smallFrame = undefined;
      this.#openSmallFrame(frame, 0, frame.length);
    }
    return offset + takenBytes;
  }

  #openSmallFrame(chunk: Buffer, start: number, end: number): void {
    if (this.#smallCipher === null || this.#keyBytes === undefined) return;
    const plaintext = this.#smallCipher.open(this.#keyBytes, chunk, start, end);
    if (plaintext === undefined) throw new PortalError('frame_malformed', 'a data frame fails authentication');
    if (plaintext.length > 0) this.#deliver(plaintext);
  }

  #gatherHeader(key: KeyObject, chunk: Buffer, offset: number): number {
    const taken = this.#gather(chunk, offset);
    // Checked as soon as the length is complete, so that an oversized frame is rejected early.
    if (this.#headBytes >= lengthBytes) this.#checkLength(this.#head.readUInt32BE(0));
    if (this.#headBytes === headerBytes) {
      this.#headBytes = 0;
      this.#beginFrame(key, Buffer.from(this.#head), 0);
    }
    return taken;
  }

  #continueFrame(decipher: DecipherChaCha20Poly1305, chunk: Buffer, offset: number): number {
    if (this.#ciphertextLeftBytes > 0) {
      const end = Math.min(chunk.length, offset + this.#ciphertextLeftBytes);
      this.#ciphertextLeftBytes -= end - offset;
      this.#update(decipher, chunk.subarray(offset, end));
      return end;
    }
    const taken = this.#gather(chunk, offset);
    if (this.#headBytes === tagBytes) this.#endFrame(decipher);
    return taken;
  }

  #endFrame(decipher: DecipherChaCha20Poly1305): void {
    this.#flushStage(decipher);
    verify(decipher, this.#head);
    const verified = this.#unverified;
    this.#unverified = [];
    this.#unverifiedBytes = 0;
    this.#headBytes = 0;
    this.#decipher = undefined;
    for (const piece of verified) this.#deliver(piece);
  }

  #update(decipher: DecipherChaCha20Poly1305, part: Buffer): void {
    this.#unverifiedBytes += part.length;
    if (this.#stagedBytes + part.length <= stageBytes && part.length < stageBytes / 2) {
      this.#stage ??= Buffer.allocUnsafeSlow(stageBytes);
      part.copy(this.#stage, this.#stagedBytes);
      this.#stagedBytes += part.length;
      return;
    }
    this.#flushStage(decipher);
    this.#unverified.push(decipher.update(part));
  }

  #flushStage(decipher: DecipherChaCha20Poly1305): void {
    if (this.#stage === undefined || this.#stagedBytes === 0) return;
    this.#unverified.push(decipher.update(this.#stage.subarray(0, this.#stagedBytes)));
    this.#stagedBytes = 0;
    // Freed, because thousands of idle tunnels would each keep one.
    this.#stage = undefined;
  }

  /** Fills #head; header and tag have the same length. */
  #gather(chunk: Buffer, offset: number): number {
    const end = Math.min(chunk.length, offset + headerBytes - this.#headBytes);
    chunk.copy(this.#head, this.#headBytes, offset, end);
    this.#headBytes += end - offset;
    return end;
  }

  #checkLength(length: number): number {
    if (length < overheadBytes || length > this.#maxFrameBytes) {
      throw new PortalError(
        'frame_malformed',
        `a data frame of ${length} bytes, but only ${overheadBytes} to ${this.#maxFrameBytes} are allowed`,
      );
    }
    return length;
  }
}

function verify(decipher: DecipherChaCha20Poly1305, tag: Buffer): void {
  decipher.setAuthTag(tag);
  try {
    decipher.final();
  } catch (error) {
    throw new PortalError('frame_malformed', 'a data frame fails authentication', { cause: error });
  }
}
