// Looks up all prefixes of a text, in time proportional to the number of distinct prefix lengths,
// not of prefixes.

export class PrefixIndex<T> {
  readonly #byPrefix = new Map<string, T[]>();
  /** Longest first. */
  readonly #lengths: number[] = [];

  /** Values of the same prefix keep the order in which they were added. */
  add(prefix: string, value: T): void {
    const known = this.#byPrefix.get(prefix);
    if (known === undefined) this.#byPrefix.set(prefix, [value]);
    else known.push(value);
    const { length } = prefix;
    if (this.#lengths.includes(length)) return;
    // A name has at most 255 characters, so there are at most as many lengths.
    this.#lengths.push(length);
    this.#lengths.sort((a, b) => b - a);
  }

  get isEmpty(): boolean {
    return this.#lengths.length === 0;
  }

  /**
   * Yields values of the longest prefix first; values of the same prefix in the order in which
   * they were added.
   */
  *matching(text: string): Generator<T> {
    for (const length of this.#lengths) {
      if (length <= text.length) yield* this.#byPrefix.get(text.slice(0, length)) ?? [];
    }
  }
}
