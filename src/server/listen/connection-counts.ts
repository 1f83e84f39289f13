// Counts the open connections of each client: of an IPv4 address, or of the /64 of an IPv6 one (addressGroup()). A client without any
// is forgotten, so the table is bounded by the open connections.

export class ConnectionCounts {
  readonly #counts = new Map<string, number>();

  /** Counts one more, unless the client has `most` already. */
  add(client: string, most: number): boolean {
    const count = this.#counts.get(client) ?? 0;
    if (count >= most) return false;
    this.#counts.set(client, count + 1);
    return true;
  }

  remove(client: string): void {
    const count = this.#counts.get(client) ?? 0;
    if (count > 1) this.#counts.set(client, count - 1);
    else this.#counts.delete(client);
  }

  /** Clients known. */
  get size(): number {
    return this.#counts.size;
  }
}
