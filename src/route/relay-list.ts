// The last lease list of one relay. Fetches it, one request at a time, keeps the admitted leases
// and the error of the last attempt. If a relay does not respond, its last list is kept: its leases
// are unreachable for now, not unknown.
import {
  LeaseAdmission,
  type AdmissionOptions,
  type IgnoredCounts,
  type IgnoredReason,
  type IdSet,
} from '../kernel/lease-admission.ts';
import { Slices } from '../kernel/work/slices.ts';
import { TimeLimit } from '../kernel/work/time-limit.ts';
import type { Listed } from './lease-index.ts';

/** The part of a relay connection that the directory uses. */
export interface LeaseSource<L extends Listed> {
  state(): 'up' | 'suspect' | 'draining' | 'down';
  /** May omit leases that `options` does not admit, and reports how many through `ignored`. */
  list(
    signal: AbortSignal,
    options: AdmissionOptions & { readonly ignored: (counts: IgnoredCounts) => void },
  ): Promise<readonly L[]>;
}

export interface RelayListOptions {
  readonly maxLeases: () => number;
  /** Ids that are admitted to every list, whatever its size. */
  readonly pinnedIds: () => IdSet;
  readonly timeoutMs: number;
}

const nothingIgnored: IgnoredCounts = new Map();

export class RelayList<L extends Listed, S extends LeaseSource<L>> {
  readonly source: S;
  readonly #options: RelayListOptions;
  #ids: IdSet = new Set();
  #running: Promise<boolean> | undefined = undefined;
  /** Undefined: none has arrived yet. */
  leases: readonly L[] | undefined = undefined;
  ignored: IgnoredCounts = nothingIgnored;
  /** Error of the last attempt. */
  failure: unknown = undefined;

  constructor(source: S, options: RelayListOptions) {
    this.source = source;
    this.#options = options;
  }

  get isRunning(): boolean {
    return this.#running !== undefined;
  }

  /** Resolves to whether a list has arrived. Never rejects. */
  refresh(): Promise<boolean> {
    if (this.source.state() === 'down') return Promise.resolve(false);
    this.#running ??= this.#fetch().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  async #fetch(): Promise<boolean> {
    const { maxLeases, pinnedIds, timeoutMs } = this.#options;
    using limit = new TimeLimit(timeoutMs);
    const [known, pinned] = [this.#ids, pinnedIds()];
    const reserved = { size: known.size + pinned.size, has: (id: string) => known.has(id) || pinned.has(id) };
    const options = { maxLeases: maxLeases(), reserved };
    const counts = new Map<IgnoredReason, number>();
    const ignored = (some: IgnoredCounts): void => {
      for (const [reason, count] of some) counts.set(reason, (counts.get(reason) ?? 0) + count);
    };
    try {
      const listed = await this.source.list(limit.signal, { ...options, ignored });
      const admission = new LeaseAdmission(options);
      this.leases = await new Slices().run(admitted(listed, admission));
      ignored(admission.ignored);
      this.ignored = counts;
      this.#ids = admission.ids;
      this.failure = undefined;
      return true;
    } catch (error) {
      this.failure = error;
      return false;
    }
  }
}

/** Applies the bounds also to sources that do not apply any themselves. */
function* admitted<L extends Listed>(listed: readonly L[], admission: LeaseAdmission): Generator<void, readonly L[]> {
  const leases: L[] = [];
  for (const lease of listed) {
    if (admission.admits(lease.id, lease.name)) leases.push(lease);
    yield;
  }
  return leases;
}
