// Caches a value derived from a policy for a lease, for as long as the same list of names is in
// use. A directory creates a new list on every update, so no explicit invalidation is needed.

export class PerLease<T> {
  readonly #workOut: (id: string, names: readonly string[]) => T;
  readonly #known = new WeakMap<readonly string[], { readonly id: string; readonly value: T }>();

  /** `workOut`: must depend on nothing but its arguments, and the list must never change. */
  constructor(workOut: (id: string, names: readonly string[]) => T) {
    this.#workOut = workOut;
  }

  of(id: string, names: readonly string[]): T {
    const known = this.#known.get(names);
    if (known?.id === id) return known.value;
    const value = this.#workOut(id, names);
    this.#known.set(names, { id, value });
    return value;
  }
}
