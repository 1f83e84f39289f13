// Owns what was worked out of a policy about a lease, for as long as the lease is known by the same list of names: a directory makes
// a new one whenever it has heard anew, so nothing has to be told to forget.

export class PerLease<T> {
  readonly #workOut: (id: string, names: readonly string[]) => T;
  readonly #known = new WeakMap<readonly string[], { readonly id: string; readonly value: T }>();

  /** `workOut`: must depend on nothing else, and the list never change. */
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
