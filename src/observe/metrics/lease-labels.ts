// Owns which leases metrics tell apart. Apps come and go, and each has an id of its own.

/** Contract §12. */
const maxLeases = 500;

export class LeaseLabels {
  readonly #known = new Set<string>();

  /** The id; `other` for those that came too late; `unknown` where no lease was found. */
  labelOf(leaseId: string | undefined): string {
    if (leaseId === undefined) return 'unknown';
    if (this.#known.has(leaseId)) return leaseId;
    if (this.#known.size >= maxLeases) return 'other';
    this.#known.add(leaseId);
    return leaseId;
  }
}
