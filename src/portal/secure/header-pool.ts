// Owns the supply of frame headers: 16 bytes each, of which the last 12 are a fresh random nonce. Knows nothing of keys.
//
// One call to the random source fills 256 of them (bench/micro/secure.ts: 0.05 us a nonce, 2 us for one drawn by itself). A
// block is never filled again, since headers of it may still wait to be sent. Random nonces of 96 bits stay unique with
// overwhelming odds for far more frames than a tunnel carries: 2^32 frames under one key collide with a chance of 2^-33.
import { randomFillSync } from 'node:crypto';
import { headerBytes } from './frame.ts';

export interface HeaderSource {
  /** 16 bytes that belong to the caller: four to be overwritten with the length, then a nonce that was never used before. */
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

/** For all channels of the process: a pool each would cost an idle tunnel 4 KiB. */
export const processHeaders: HeaderSource = new HeaderPool();
