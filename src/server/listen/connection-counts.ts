// Counts the open connections of each client: an IPv4 address, or the /64 of an IPv6 address
// (addressGroup()). Clients without connections are removed, so the open connections bound the size
// of the table.

export class ConnectionCounts {
  readonly #counts = new Map<string, number>();

  /** Counts one more connection, unless the client already has `most`. */
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

  /** Number of clients with connections. */
  get size(): number {
    return this.#counts.size;
  }
}
