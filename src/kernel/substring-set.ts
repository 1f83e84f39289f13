// A set of texts, and the search for any of them in a longer text: in a time that is linear in the
// length of the text and does not depend on the number of texts, also for hostile text.
import { randomInt } from 'node:crypto';
import type { Steps } from './work/slices.ts';

/** 2^19 bits: of 50,000 texts, one in ten other substrings needs a look-up. */
const indexBits = 19;
/** 2^32 divided by the golden ratio: spreads hashes over the table. */
const golden = 0x9e3779b1;

/** One length of texts in the set. */
interface Length {
  readonly characters: number;
  /** The base of the hash to this power. */
  readonly power: number;
}

export class SubstringSet {
  /** Of the polynomial hash (Rabin-Karp): odd, and random, so that nobody prepares collisions. */
  readonly #base = 2 * randomInt(2 ** 15, 2 ** 31) + 1;
  readonly #texts = new Set<string>();
  /** One bit for each hash of a text, or of the beginning of one. */
  readonly #hashes = new Uint8Array(1 << (indexBits - 3));
  /** In ascending order. */
  #lengths: readonly Length[] = [];

  /** Adds texts, none of them empty. Call once. */
  *addAll(texts: Iterable<string>): Steps<void> {
    const lengths = new Set<number>();
    for (const text of texts) {
      this.#texts.add(text);
      lengths.add(text.length);
      yield;
    }
    this.#lengths = [...lengths].sort((a, b) => a - b).map((characters) => this.#lengthOf(characters));
    const [shortest] = this.#lengths;
    if (shortest === undefined) return;
    for (const text of this.#texts) {
      const sums = this.#sumsOf(text);
      for (const characters of [shortest.characters, text.length]) this.#mark(sums[characters] ?? 0);
      yield;
    }
  }

  /** Whether any text of the set is in `text`. */
  hasAnyIn(text: string): boolean {
    const [shortest, ...longer] = this.#lengths;
    if (shortest === undefined || text.length < shortest.characters) return false;
    const sums = this.#sumsOf(text);
    for (let i = 0; i + shortest.characters <= text.length; i += 1) {
      if (!this.#isMarked(sums, i, shortest)) continue;
      if (this.#isText(text, i, shortest)) return true;
      for (const length of longer) {
        if (i + length.characters > text.length) break;
        if (this.#isMarked(sums, i, length) && this.#isText(text, i, length)) return true;
      }
    }
    return false;
  }

  #isText(text: string, i: number, { characters }: Length): boolean {
    return this.#texts.has(text.slice(i, i + characters));
  }

  #lengthOf(characters: number): Length {
    let power = 1;
    for (let i = 0; i < characters; i += 1) power = Math.imul(power, this.#base);
    return { characters, power };
  }

  /** The hashes of all beginnings, from which that of any substring follows. */
  #sumsOf(text: string): Int32Array {
    const sums = new Int32Array(text.length + 1);
    let sum = 0;
    for (let i = 0; i < text.length; i += 1) {
      sum = (Math.imul(sum, this.#base) + text.charCodeAt(i) + 1) | 0;
      sums[i + 1] = sum;
    }
    return sums;
  }

  #mark(hash: number): void {
    const index = indexOf(hash);
    this.#hashes[index >>> 3] = (this.#hashes[index >>> 3] ?? 0) | (1 << (index & 7));
  }

  #isMarked(sums: Int32Array, i: number, { characters, power }: Length): boolean {
    const index = indexOf((sums[i + characters] ?? 0) - Math.imul(sums[i] ?? 0, power));
    return ((this.#hashes[index >>> 3] ?? 0) & (1 << (index & 7))) !== 0;
  }
}

function indexOf(hash: number): number {
  return Math.imul(hash, golden) >>> (32 - indexBits);
}
