// Owns the memory of leases that were listed a moment ago and are not now: most likely an app or a relay that restarts, and neither
// unknown nor worth waiting a second for. Knows no relay.
import { foldName } from '../kernel/lease-name.ts';
import type { Listed } from './lease-index.ts';

/** An app that does not come back in this time has gone for good. */
const rememberedMs = 60_000;
/** A relay that lists other names each time must not make this grow. */
const mostNames = 10_000;

export class RecentlyLost {
  #listed: ReadonlySet<string> = new Set<string>();
  /** Ids and folded names -> when they were missed first, oldest first. */
  readonly #lost = new Map<string, number>();

  /** What is listed now. */
  update(leases: Iterable<Listed>, nowMs: number): void {
    const listed = new Set<string>();
    for (const { id, name } of leases) listed.add(id).add(foldName(name));
    for (const known of this.#listed) if (!listed.has(known)) this.#lost.set(known, nowMs);
    this.#listed = listed;
    for (const [known, sinceMs] of this.#lost) {
      if (listed.has(known) || nowMs - sinceMs >= rememberedMs || this.#lost.size > mostNames) this.#lost.delete(known);
    }
  }

  has(nameOrId: string, nowMs: number): boolean {
    const sinceMs = this.#lost.get(nameOrId) ?? this.#lost.get(foldName(nameOrId));
    return sinceMs !== undefined && nowMs - sinceMs < rememberedMs;
  }
}
