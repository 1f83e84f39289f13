// Reports what the lease lists contain: leases in use, entries that are ignored, and names that are
// refused, each of them once while it stays listed.
import type { IgnoredReason } from '../kernel/lease-admission.ts';
import type { LeaseIndex, Listed, RefusedName } from './lease-index.ts';
import type { Move } from './name-bindings.ts';
import type { LeaseSource, RelayList } from './relay-list.ts';

export type RefusedReason = IgnoredReason | 'name_taken' | 'name_not_accepted';

export type DirectoryEvent<S> =
  | {
      readonly event: 'listed';
      readonly source: S;
      readonly leases: number;
      readonly ignored: ReadonlyMap<RefusedReason, number>;
    }
  | { readonly event: 'list_failed'; readonly source: S; readonly error: unknown }
  | ({ readonly event: 'moved' } & Move)
  /** Reported once while the name stays listed. */
  | ({ readonly event: 'name_refused' } & RefusedName<S>);

export interface ListStatus<S> {
  readonly source: S;
  /** Undefined: no list has arrived yet. */
  readonly leases: number | undefined;
  readonly ignored: ReadonlyMap<RefusedReason, number>;
  /** Why the last list could not be fetched. */
  readonly failure: unknown;
}

export class DirectoryReport<L extends Listed, S extends LeaseSource<L>> {
  readonly #report: ((event: DirectoryEvent<S>) => void) | undefined;
  #refusedBefore: ReadonlySet<string> = new Set<string>();

  constructor(report: ((event: DirectoryEvent<S>) => void) | undefined) {
    this.#report = report;
  }

  failed({ source, failure }: RelayList<L, S>): void {
    this.#report?.({ event: 'list_failed', source, error: failure });
  }

  /** `arrived`: the lists that have arrived since the index before. */
  built(index: LeaseIndex<L, S>, moves: Iterable<Move>, arrived: readonly RelayList<L, S>[]): void {
    for (const move of moves) this.#report?.({ event: 'moved', ...move });
    const refused = new Set<string>();
    for (const one of index.refusedNames) {
      const key = `${one.id} ${one.name}`;
      refused.add(key);
      if (!this.#refusedBefore.has(key)) this.#report?.({ event: 'name_refused', ...one });
    }
    this.#refusedBefore = refused;
    for (const list of arrived) {
      const { source, leases } = list;
      this.#report?.({ event: 'listed', source, leases: leases?.length ?? 0, ignored: ignoredOf(list, index) });
    }
  }
}

/** `index`: undefined before the first list has arrived. */
export function statusOf<L extends Listed, S extends LeaseSource<L>>(
  list: RelayList<L, S>,
  index: LeaseIndex<L, S> | undefined,
): ListStatus<S> {
  const { source, leases, failure } = list;
  return { source, leases: leases?.length, ignored: ignoredOf(list, index), failure };
}

function ignoredOf<L extends Listed, S extends LeaseSource<L>>(
  { source, ignored }: RelayList<L, S>,
  index: LeaseIndex<L, S> | undefined,
): ReadonlyMap<RefusedReason, number> {
  const counts = new Map<RefusedReason, number>(ignored);
  const { taken = 0, notAccepted = 0 } = index?.refusedCounts.get(source) ?? {};
  if (taken > 0) counts.set('name_taken', taken);
  if (notAccepted > 0) counts.set('name_not_accepted', notAccepted);
  return counts;
}
