// Looks up leases by id or by name in the relays' lists. An index is built completely and never
// changed afterwards. The builder is a generator, because lists are long and come from untrusted
// parties.
import { foldName, leaseKey } from '../kernel/lease-name.ts';
import { appHost } from './app-host.ts';
import { maxIds, type NameBindings, type NameClaim, type NameOwner } from './name-bindings.ts';

/** The fields of a lease that look-ups need. */
export interface Listed {
  readonly id: string;
  readonly name: string;
}

export interface Found<L extends Listed, S> {
  /** Its name is the first one that leads to it; empty if none does. */
  readonly lease: L;
  /** The relays that list it. */
  readonly sources: readonly S[];
  /** The names that lead to this lease, or that it shares with other leases. */
  readonly names: readonly string[];
  /**
   * Every name under which a relay lists it, including names that lead to another lease. Rules for
   * these can only deny: a lease cannot escape a rule by losing its name, nor gain access by
   * claiming one.
   */
  readonly claims: readonly string[];
  /** The host name that its app sees in path mode. */
  readonly host: string;
}

/** A lease that a relay lists under a name that belongs to another lease. */
export interface RefusedName<S> {
  readonly name: string;
  readonly id: string;
  /** The lease that has the name. Undefined: no lease has it. */
  readonly holder: string | undefined;
  readonly sources: readonly S[];
}

type Lookup<L extends Listed, S> = Found<L, S> | 'unknown' | 'ambiguous' | 'not_accepted';

/**
 * How many names were refused because another lease has them, or because their id was not accepted.
 */
export interface RefusedCounts {
  taken: number;
  notAccepted: number;
}

/** How many refused names are reported individually; `refusedCounts` counts all of them. */
const maxRefusedNames = 1_000;

class Entry<L extends Listed, S> implements Found<L, S> {
  lease: L;
  readonly sources: S[];
  readonly listed: L;
  /** Names as folded and as first listed. */
  readonly claimed: [folded: string, name: string][] = [];
  names: readonly string[] = [];
  claims: readonly string[] = [];
  #host: string | undefined = undefined;

  constructor(lease: L, source: S) {
    this.listed = this.lease = lease;
    this.sources = [source];
  }

  get host(): string {
    return (this.#host ??= appHost(this.lease));
  }
}

export class LeaseIndex<L extends Listed, S> {
  readonly #byId = new Map<string, Entry<L, S>>();
  readonly #byName = new Map<string, Lookup<L, S>>();
  readonly refusedNames: RefusedName<S>[] = [];
  readonly refusedCounts: Map<S, RefusedCounts> = new Map<S, RefusedCounts>();

  /**
   * Adds leases in the order of the lists: entries with the same id from one source may come in any
   * order.
   */
  static *build<L extends Listed, S>(
    lists: Iterable<readonly [source: S, leases: readonly L[]]>,
    bindings: NameBindings,
  ): Generator<void, LeaseIndex<L, S>> {
    const index = new LeaseIndex<L, S>();
    const claims = new Map<string, NameClaim>();
    for (const [source, leases] of lists) {
      for (const lease of leases) {
        index.#add(source, lease, claims, bindings);
        yield;
      }
    }
    const owners = new Map<string, NameOwner>();
    for (const [name, claim] of claims) {
      const owner = bindings.decide(name, claim);
      owners.set(name, owner);
      const found = typeof owner === 'string' ? owner : index.#byId.get(owner.id);
      if (found !== undefined) index.#byName.set(name, found);
      yield;
    }
    for (const entry of index.#byId.values()) {
      index.#settle(entry, owners);
      yield;
    }
    return index;
  }

  find(nameOrId: string): Lookup<L, S> {
    const key = leaseKey(nameOrId);
    // Ids are upper case and folded names are not, so a key is in at most one of the maps.
    return this.#byId.get(key) ?? this.#byName.get(key) ?? 'unknown';
  }

  /** All ids and folded names in the index. */
  *keys(): Generator<string> {
    yield* this.#byId.keys();
    yield* this.#byName.keys();
  }

  /** All folded names in the index. */
  names(): Iterable<string> {
    return this.#byName.keys();
  }

  has(key: string): boolean {
    return this.#byId.has(key) || this.#byName.has(key);
  }

  get nameCount(): number {
    return this.#byName.size;
  }

  #add(source: S, lease: L, claims: Map<string, NameClaim>, bindings: NameBindings): void {
    const { id, name } = lease;
    let entry = this.#byId.get(id);
    if (entry === undefined) {
      entry = new Entry<L, S>(lease, source);
      this.#byId.set(id, entry);
    } else if (entry.sources.at(-1) !== source) entry.sources.push(source);
    if (name === '') return;
    const folded = foldName(name);
    // A short list: LeaseAdmission bounds the names of one id in each list.
    if (entry.claimed.some(([known]) => known === folded)) return;
    entry.claimed.push([folded, name]);
    const claim = claims.get(folded);
    const isHolder = bindings.idOf(folded) === id;
    if (claim === undefined) claims.set(folded, { ids: [id], count: 1, holderIsListed: isHolder });
    else {
      claim.count += 1;
      claim.holderIsListed ||= isHolder;
      if (claim.ids.length < maxIds) claim.ids.push(id);
    }
  }

  #settle(entry: Entry<L, S>, owners: ReadonlyMap<string, NameOwner>): void {
    const { claimed, listed } = entry;
    const names: string[] = [];
    for (const [folded, name] of claimed) {
      const owner = owners.get(folded);
      if (owner === 'ambiguous' || (typeof owner === 'object' && owner.id === listed.id)) names.push(name);
      else this.#refuse(entry, name, typeof owner === 'object' ? owner.id : undefined);
    }
    entry.names = names;
    entry.claims = names.length === claimed.length ? names : claimed.map(([, name]) => name);
    const [name = ''] = names;
    if (name !== listed.name) entry.lease = { ...listed, name };
  }

  #refuse({ listed: { id }, sources }: Entry<L, S>, name: string, holder: string | undefined): void {
    for (const source of sources) {
      const counts = this.refusedCounts.get(source) ?? { taken: 0, notAccepted: 0 };
      counts[holder === undefined ? 'notAccepted' : 'taken'] += 1;
      this.refusedCounts.set(source, counts);
    }
    if (this.refusedNames.length < maxRefusedNames) this.refusedNames.push({ name, id, holder, sources });
  }
}
