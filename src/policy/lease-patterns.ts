// Owns the question which of several patterns fits a lease best: its id or its name, else the longest `prefix-*`, else `*`. Knows
// nothing of what is set for them.
import { foldName, leaseIdIn } from '../kernel/lease-name.ts';
import { entriesOf } from '../kernel/work/large-records.ts';
import type { Steps } from '../kernel/work/slices.ts';
import { PerLease } from './per-lease.ts';
import { PrefixIndex } from './prefix-index.ts';

export class LeasePatterns<T> {
  /** A pattern that is an id stands for that lease, and for none that is called so: anyone may publish any name. */
  readonly #byId = new Map<string, T>();
  readonly #byName = new Map<string, T>();
  readonly #byPrefix = new PrefixIndex<T>();
  #any: T | undefined = undefined;
  readonly #all = new PerLease<readonly T[]>((id, names) => this.#workOut(id, names));

  constructor(patterns: Iterable<readonly [pattern: string, value: T]>) {
    for (const [pattern, value] of patterns) this.#add(pattern, value);
  }

  /** `valueOf`: called once for each pattern; yields at least once. */
  static *inSteps<V, T>(
    patterns: Readonly<Record<string, V>>,
    valueOf: (value: V) => Steps<T>,
  ): Steps<LeasePatterns<T>> {
    const made = new LeasePatterns<T>([]);
    for (const [pattern, value] of entriesOf(patterns)) {
      made.#add(pattern, yield* valueOf(value));
    }
    return made;
  }

  #add(pattern: string, value: T): void {
    const id = leaseIdIn(pattern);
    if (pattern === '*') this.#any = value;
    else if (pattern.endsWith('*')) this.#byPrefix.add(foldName(pattern.slice(0, -1)), value);
    else if (id !== undefined) this.#byId.set(id, value);
    else this.#byName.set(foldName(pattern), value);
  }

  /** Both may be the same text as sent by a client, before the lease is known. */
  find(id: string, name: string): T | undefined {
    return this.#byId.get(leaseIdIn(id) ?? id) ?? this.#named(name) ?? this.#any;
  }

  /**
   * For what must hold however a lease is called: that of its id and that of each of its names, so that neither is a way around the
   * other. `*` counts where nothing else fits a name.
   */
  all(id: string, names: readonly string[]): readonly T[] {
    return this.#all.of(id, names);
  }

  #workOut(id: string, names: readonly string[]): readonly T[] {
    const byId = this.#byId.get(id);
    const found = new Set<T>();
    if (byId !== undefined) found.add(byId);
    for (const name of names) {
      const value = this.#named(name) ?? (byId === undefined ? this.#any : undefined);
      if (value !== undefined) found.add(value);
    }
    if (found.size === 0 && this.#any !== undefined) found.add(this.#any);
    return [...found];
  }

  /** By its exact name, else by the longest prefix. Text in the form of an id is no name. */
  #named(name: string): T | undefined {
    if (this.#byName.size === 0 && this.#byPrefix.isEmpty) return undefined;
    if (name === '' || leaseIdIn(name) !== undefined) return undefined;
    const folded = foldName(name);
    const exact = this.#byName.get(folded);
    if (exact !== undefined) return exact;
    for (const value of this.#byPrefix.matching(folded)) return value;
    return undefined;
  }
}
