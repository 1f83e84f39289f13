// Counts forwarded connections, in total and per lease. A slot is taken before the app is asked, so
// that the limit is exact however many requests are in flight.

export class ForwardLedger {
  readonly #limitPerLease: number;
  readonly #byLease = new Map<string, number>();
  #total = 0;
  #emptied: (() => void) | undefined;

  constructor(limitPerLease: number) {
    this.#limitPerLease = limitPerLease;
  }

  get total(): number {
    return this.#total;
  }

  /** Returns false if the lease has reached its limit. */
  take(leaseId: string): boolean {
    const count = this.#byLease.get(leaseId) ?? 0;
    if (count >= this.#limitPerLease) return false;
    this.#byLease.set(leaseId, count + 1);
    this.#total += 1;
    return true;
  }

  give(leaseId: string): void {
    const count = this.#byLease.get(leaseId) ?? 0;
    if (count <= 1) this.#byLease.delete(leaseId);
    else this.#byLease.set(leaseId, count - 1);
    this.#total -= 1;
    if (this.#total === 0) this.#emptied?.();
  }

  /**
   * Resolves when no forwarded connection is left, or when `signal` aborts. Supports one caller at
   * a time.
   */
  async emptied(signal: AbortSignal): Promise<void> {
    if (this.#total === 0 || signal.aborted) return;
    await new Promise<void>((resolve) => {
      this.#emptied = resolve;
      signal.addEventListener(
        'abort',
        () => {
          resolve();
        },
        { once: true },
      );
    });
    this.#emptied = undefined;
  }
}
