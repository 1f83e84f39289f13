// Remembers leases that were listed a moment ago and are no longer. Their app or relay is most
// likely restarting, so they are not unknown and must be looked up more often than unknown names.
import { leaseKey } from '../kernel/lease-name.ts';

/** An app that does not come back within this time is considered gone. */
const rememberedMs = 60_000;
/** Bounds the memory if a relay lists other names each time. */
const maxKeys = 10_000;

/** Ids and folded names. */
interface Keys {
  keys(): Iterable<string>;
  has(key: string): boolean;
}

export class RecentlyLost {
  /** Key -> when it was first missed, oldest first. */
  readonly #lost = new Map<string, number>();

  /** Compares two rounds. Yields after each step. */
  *update(before: Keys | undefined, now: Keys, nowMs: number): Generator<void> {
    for (const key of before?.keys() ?? []) {
      if (!now.has(key)) this.#lost.set(key, nowMs);
      if (this.#lost.size > maxKeys) this.#forgetOldest();
      yield;
    }
    for (const [key, sinceMs] of this.#lost) {
      if (now.has(key) || nowMs - sinceMs >= rememberedMs) this.#lost.delete(key);
      yield;
    }
  }

  has(nameOrId: string, nowMs: number): boolean {
    const sinceMs = this.#lost.get(leaseKey(nameOrId));
    return sinceMs !== undefined && nowMs - sinceMs < rememberedMs;
  }

  #forgetOldest(): void {
    for (const key of this.#lost.keys()) {
      this.#lost.delete(key);
      return;
    }
  }
}
