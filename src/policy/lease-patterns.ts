// Finds the pattern that matches a lease best: its id or its name, otherwise the longest
// `prefix-*`, otherwise `*`.
import { foldName, leaseIdIn } from '../kernel/lease-name.ts';
import { entriesOf } from '../kernel/work/large-records.ts';
import type { Steps } from '../kernel/work/slices.ts';
import { PerLease } from './per-lease.ts';
import { PrefixIndex } from './prefix-index.ts';

export class LeasePatterns<T> {
  /**
   * A pattern in the form of an id matches only the lease with that id, never a lease with that
   * name, because anyone may publish any name.
   */
  readonly #byId = new Map<string, T>();
  readonly #byName = new Map<string, T>();
  readonly #byPrefix = new PrefixIndex<T>();
  #any: T | undefined = undefined;
  readonly #all = new PerLease<readonly T[]>((id, names) => this.#workOut(id, names));

  constructor(patterns: Iterable<readonly [pattern: string, value: T]>) {
    for (const [pattern, value] of patterns) this.#add(pattern, value);
  }

  /** `valueOf`: called once for each pattern; must yield at least once. */
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

  /** Both arguments may be the same text, as sent by a client before the lease is known. */
  find(id: string, name: string): T | undefined {
    return this.#byId.get(leaseIdIn(id) ?? id) ?? this.#named(name) ?? this.#any;
  }

  /**
   * For rules that must hold whichever name a caller uses: returns the values for the id and for
   * each of the names, so that neither bypasses the other. `*` applies to names that no other
   * pattern matches.
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

  /**
   * Matches the exact name first, then the longest prefix. Text in the form of an id is not a name.
   */
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
