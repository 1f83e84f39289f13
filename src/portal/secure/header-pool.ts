// Supplies frame headers: 16 bytes each, whose last 12 are a fresh random nonce. Does not use keys.
//
// One call to the random source fills 256 headers (bench/micro/secure.ts: 0.05 us a nonce, 2 us for
// a single draw). A block is never refilled, because its headers may still wait to be sent. Random
// nonces of 96 bits collide with negligible probability: 2^-33 for 2^32 frames under one key, far
// more than a tunnel carries.
import { randomFillSync } from 'node:crypto';
import { headerBytes } from './frame-format.ts';

export interface HeaderSource {
  /**
   * 16 bytes that belong to the caller: four for the length, then a nonce that was never used
   * before.
   */
  next(): Buffer;
}

const headersPerBlock = 256;

export class HeaderPool implements HeaderSource {
  #block: Buffer = Buffer.alloc(0);
  #offset = 0;

  next(): Buffer {
    if (this.#offset === this.#block.length) {
      this.#block = randomFillSync(Buffer.allocUnsafeSlow(headersPerBlock * headerBytes));
      this.#offset = 0;
    }
    const start = this.#offset;
    this.#offset += headerBytes;
    return this.#block.subarray(start, this.#offset);
  }
}

/** Shared by all channels of the process: a pool each would cost an idle tunnel 4 KiB. */
export const processHeaders: HeaderSource = new HeaderPool();
