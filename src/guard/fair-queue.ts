// A queue that is fair between flows: first in, first out within a flow, round robin between flows.
// A flow is one key, or one address of anonymous callers.

export interface Queued {
  readonly flow: string;
}

export class FairQueue<T extends Queued> {
  /** In the order in which flows are served next. */
  readonly #flows = new Map<string, Set<T>>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  add(entry: T): void {
    const waiting = this.#flows.get(entry.flow);
    if (waiting === undefined) this.#flows.set(entry.flow, new Set([entry]));
    else waiting.add(entry);
    this.#size += 1;
  }

  /** Returns false when it was not in the queue. */
  delete(entry: T): boolean {
    const waiting = this.#flows.get(entry.flow);
    if (waiting?.delete(entry) !== true) return false;
    this.#size -= 1;
    if (waiting.size === 0) this.#flows.delete(entry.flow);
    return true;
  }

  /**
   * Removes and returns the next entry that may go, and moves its flow to the end of the order.
   * Linear in the size of the queue.
   */
  take(mayGo: (entry: T) => boolean): T | undefined {
    for (const [flow, waiting] of this.#flows) {
      for (const entry of waiting) {
        if (!mayGo(entry)) continue;
        this.delete(entry);
        if (waiting.size > 0) {
          this.#flows.delete(flow);
          this.#flows.set(flow, waiting);
        }
        return entry;
      }
    }
    return undefined;
  }

  /**
   * Removes and returns the newest entry of the longest flow, so that one flow cannot fill the
   * queue against the others. Returns undefined when `flow`, with one more entry, would be at least
   * as long as the longest. Linear in the number of flows.
   */
  evictFor(flow: string): T | undefined {
    let longest: Set<T> | undefined = undefined;
    for (const waiting of this.#flows.values()) {
      if (longest === undefined || waiting.size > longest.size) longest = waiting;
    }
    if (longest === undefined || (this.#flows.get(flow)?.size ?? 0) + 1 >= longest.size) return undefined;
    const newest = Array.from(longest).at(-1);
    if (newest !== undefined) this.delete(newest);
    return newest;
  }
}
