// Owns how many connections each address has open. An address without any is forgotten: what is kept is bounded by what is open.

export class ConnectionCounts {
  readonly #counts = new Map<string, number>();

  /** Counts one more, unless the address has `most` already. */
  add(ip: string, most: number): boolean {
    const count = this.#counts.get(ip) ?? 0;
    if (count >= most) return false;
    this.#counts.set(ip, count + 1);
    return true;
  }

  remove(ip: string): void {
    const count = this.#counts.get(ip) ?? 0;
    if (count > 1) this.#counts.set(ip, count - 1);
    else this.#counts.delete(ip);
  }

  /** Addresses known. */
  get size(): number {
    return this.#counts.size;
  }
}
