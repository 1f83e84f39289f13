// Bounds the lease labels in metrics: apps come and go, each with its own id.

/** Limits the cardinality of metrics. */
const maxLeases = 500;

export class LeaseLabels {
  readonly #known = new Set<string>();

  /** The id; `other` beyond the limit; `unknown` if no lease was found. */
  labelOf(leaseId: string | undefined): string {
    if (leaseId === undefined) return 'unknown';
    if (this.#known.has(leaseId)) return leaseId;
    if (this.#known.size >= maxLeases) return 'other';
    this.#known.add(leaseId);
    return leaseId;
  }
}
