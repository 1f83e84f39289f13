// Owns the look-up of a lease among those that relays list, by id or by name. A pure value: built whole, never changed. Knows
// nothing of where the lists come from.
import { foldName } from '../kernel/lease-name.ts';
import { appHost } from './app-host.ts';

/** What must be known of a lease to find it. */
export interface Listed {
  readonly id: string;
  readonly name: string;
}

export interface Found<L extends Listed, S> {
  readonly lease: L;
  /** The relays that list it. */
  readonly sources: readonly S[];
  /** Every name that a relay lists it by. */
  readonly names: readonly string[];
  /** The name by which it is known to its app in path mode. */
  readonly host: string;
}

type Lookup<L extends Listed, S> = Found<L, S> | 'unknown' | 'ambiguous';

interface Entry<L extends Listed, S> extends Found<L, S> {
  readonly sources: S[];
  readonly names: string[];
}

export class LeaseIndex<L extends Listed, S> {
  readonly #byId = new Map<string, Entry<L, S>>();
  readonly #byName = new Map<string, Entry<L, S>[]>();
  readonly #byFoldedName = new Map<string, Entry<L, S>[]>();

  constructor(lists: Iterable<readonly [source: S, leases: readonly L[]]>) {
    for (const [source, leases] of lists) {
      for (const lease of leases) this.#add(source, lease);
    }
  }

  /** An id first, so that nobody can take another's calls by naming a lease after its id; then the exact name; then any case. */
  find(nameOrId: string): Lookup<L, S> {
    const byId = this.#byId.get(nameOrId);
    if (byId !== undefined) return byId;
    const exact = this.#byName.get(nameOrId);
    if (exact !== undefined) return only(exact);
    const folded = this.#byFoldedName.get(foldName(nameOrId));
    return folded === undefined ? 'unknown' : only(folded);
  }

  #add(source: S, lease: L): void {
    const known = this.#byId.get(lease.id);
    if (known !== undefined) {
      if (!known.sources.includes(source)) known.sources.push(source);
      // Two relays may know an app by different names for a while.
      if (known.lease.name === lease.name) return;
    }
    const entry = known ?? { lease, sources: [source], names: [], host: appHost(lease) };
    this.#byId.set(lease.id, entry);
    if (lease.name === '') return;
    if (!entry.names.includes(lease.name)) entry.names.push(lease.name);
    append(this.#byName, lease.name, entry);
    append(this.#byFoldedName, foldName(lease.name), entry);
  }
}

function append<T>(map: Map<string, T[]>, key: string, value: T): void {
  const values = map.get(key);
  if (values === undefined) map.set(key, [value]);
  else if (!values.includes(value)) values.push(value);
}

function only<T>(entries: readonly T[]): T | 'ambiguous' {
  const [entry, ...rest] = entries;
  return entry === undefined || rest.length > 0 ? 'ambiguous' : entry;
}
