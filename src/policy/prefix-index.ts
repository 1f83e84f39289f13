// Owns the look-up of all prefixes that a text begins with, in a time that grows with how many lengths they have and not with their
// number.

export class PrefixIndex<T> {
  readonly #byPrefix = new Map<string, T[]>();
  /** Longest first. */
  readonly #lengths: number[] = [];

  /** Behind those of the same prefix that were added before. */
  add(prefix: string, value: T): void {
    const known = this.#byPrefix.get(prefix);
    if (known === undefined) this.#byPrefix.set(prefix, [value]);
    else known.push(value);
    const { length } = prefix;
    if (this.#lengths.includes(length)) return;
    // A name has at most 255 characters, so there are as many lengths.
    this.#lengths.push(length);
    this.#lengths.sort((a, b) => b - a);
  }

  get isEmpty(): boolean {
    return this.#lengths.length === 0;
  }

  /** Those of the longest prefix first; of one prefix, in the order in which they were given. */
  *matching(text: string): Generator<T> {
    for (const length of this.#lengths) {
      if (length <= text.length) yield* this.#byPrefix.get(text.slice(0, length)) ?? [];
    }
  }
}
