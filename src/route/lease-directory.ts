// Finds the lease for a name or id and the relays that list it. Caches the relays' lists and
// decides when to request them again. Sends at most one request at a time to each relay, however
// many callers wait.
import { setTimeout as delay } from 'node:timers/promises';
import type { Clock } from '../kernel/clock.ts';
import type { IdSet } from '../kernel/lease-admission.ts';
import { Slices } from '../kernel/work/slices.ts';
import { type DirectoryEvent, DirectoryReport, type ListStatus, statusOf } from './directory-report.ts';
import { LeaseIndex, type Found, type Listed } from './lease-index.ts';
import { NameBindings } from './name-bindings.ts';
import { RecentlyLost } from './recently-lost.ts';
import { RelayList, type LeaseSource } from './relay-list.ts';

export type { LeaseSource } from './relay-list.ts';

export type DirectoryResponse<L extends Listed, S> =
  | { readonly kind: 'found'; readonly found: Found<L, S> }
  | { readonly kind: 'unknown' }
  /** Listed a moment ago: the app or the relay is most likely restarting. */
  | { readonly kind: 'lost' }
  | { readonly kind: 'ambiguous' }
  /** Under `strict`: listed, but with an id that the operator has not accepted. */
  | { readonly kind: 'not_accepted' }
  /** No relay is connected, or no list has arrived yet. */
  | { readonly kind: 'no_relay' };

export interface DirectoryOptions<S> {
  readonly clock: Clock;
  /**
   * How long a list is used without a refresh. For the same time again it is still used while a
   * refresh runs.
   */
  readonly ttlMs: () => number;
  /** Maximum number of leases used from one relay. Default: 20,000. */
  readonly maxLeases?: () => number;
  /** Ids that are admitted to every list, whatever its size. */
  readonly pinnedIds?: () => IdSet;
  /** Default: kept in memory, mode `first`. */
  readonly bindings?: NameBindings;
  /**
   * How long a request waits for a list. The list itself may take longer, as long as it makes
   * progress.
   */
  readonly listTimeoutMs?: number;
  readonly report?: (event: DirectoryEvent<S>) => void;
}

const defaultListTimeoutMs = 5_000;
/** Enough for a list of 2^26 bytes at 20 Mbit/s. */
const maxListMs = 30_000;
const defaultMaxLeases = 20_000;
/** Unknown names cost each relay at most one request a second, whatever clients send. */
const minRefreshIntervalMs = 1_000;
/** For a lease that was lost a moment ago: callers should notice quickly that it is back. */
const lostRefreshIntervalMs = 100;
/** Backoff until the first list has arrived. */
const firstListIntervalMs = { initial: 100, max: 10_000 } as const;

export class LeaseDirectory<L extends Listed, S extends LeaseSource<L>> {
  readonly #lists: readonly RelayList<L, S>[];
  readonly #options: DirectoryOptions<S>;
  readonly #clock: Clock;
  readonly #listTimeoutMs: number;
  readonly #bindings: NameBindings;
  readonly #report: DirectoryReport<L, S>;
  readonly #lost = new RecentlyLost();
  /** Lists that have arrived since the index was built. */
  readonly #arrived = new Set<RelayList<L, S>>();
  #index: LeaseIndex<L, S> | undefined = undefined;
  #refreshing: Promise<void> | undefined = undefined;
  #building: Promise<void> | undefined = undefined;
  /** A refresh that waits for the minimum interval to pass. */
  #asking: Promise<void> | undefined = undefined;
  #startedMs = Number.NEGATIVE_INFINITY;
  #refreshedMs = Number.NEGATIVE_INFINITY;
  #firstList: NodeJS.Timeout | undefined = undefined;

  constructor(sources: readonly S[], options: DirectoryOptions<S>) {
    const { clock, listTimeoutMs = defaultListTimeoutMs, bindings, maxLeases, pinnedIds } = options;
    this.#options = options;
    this.#report = new DirectoryReport(options.report);
    this.#clock = clock;
    this.#listTimeoutMs = listTimeoutMs;
    this.#bindings = bindings ?? new NameBindings({ mode: () => 'first' });
    const listOptions = {
      maxLeases: maxLeases ?? (() => defaultMaxLeases),
      pinnedIds: pinnedIds ?? (() => new Set<string>()),
      timeoutMs: maxListMs,
    };
    this.#lists = sources.map((source) => new RelayList<L, S>(source, listOptions));
  }

  /** A list has arrived: from then on the directory can distinguish known from unknown leases. */
  get isReady(): boolean {
    return this.#index !== undefined;
  }

  /**
   * Requests the first list without waiting for a caller, so that readiness does not depend on
   * traffic. Ends with stop().
   */
  start(): void {
    const attempt = (afterMs: number): void => {
      this.#firstList = setTimeout(() => {
        if (this.isReady) return;
        if (!this.#connected()) attempt(firstListIntervalMs.initial);
        else
          void this.#refresh().then(() => {
            attempt(Math.min(2 * afterMs, firstListIntervalMs.max));
          });
      }, afterMs).unref();
    };
    attempt(firstListIntervalMs.initial);
  }

  /** Idempotent. */
  stop(): void {
    clearTimeout(this.#firstList);
  }

  /**
   * Returns the result at once if it is known, which is nearly always the case; otherwise a promise
   * that never rejects. `isHidden`: the response time must not reveal to the caller whether the
   * lease was listed a moment ago.
   */
  find(
    nameOrId: string,
    isHidden: () => boolean = () => false,
  ): DirectoryResponse<L, S> | Promise<DirectoryResponse<L, S>> {
    const nowMs = this.#clock.monotonicMs();
    const ageMs = nowMs - this.#refreshedMs;
    const ttlMs = this.#options.ttlMs();
    if (this.#index !== undefined && ageMs <= 2 * ttlMs) {
      const found = this.#index.find(nameOrId);
      if (typeof found === 'object') {
        if (ageMs > ttlMs) {
          this.#startedMs = nowMs;
          void this.#refresh();
        }
        return { kind: 'found', found };
      }
    }
    if (!this.#connected()) return { kind: 'no_relay' };
    const isLost = this.#lost.has(nameOrId, nowMs) && !isHidden();
    const refresh = this.#refreshUnlessWithin(isLost ? lostRefreshIntervalMs : minRefreshIntervalMs);
    return refresh === undefined ? this.#response(nameOrId) : refresh.then(() => this.#response(nameOrId));
  }

  /**
   * Joins or begins the refresh that the look-up of an unlisted name would wait for. Undefined: it
   * would not wait. Never rejects.
   */
  unknownWait(): Promise<void> | undefined {
    return this.#connected() ? this.#refreshUnlessWithin(minRefreshIntervalMs) : undefined;
  }

  /** Looks up in the last lists, however old they are, without a request to a relay. */
  known(nameOrId: string): L | undefined {
    const found = this.#index?.find(nameOrId);
    return typeof found === 'object' ? found.lease : undefined;
  }

  /** The folded names in the last lists. */
  names(): Iterable<string> {
    return this.#index?.names() ?? [];
  }

  /**
   * The relay or the app reported that this lease no longer exists: the next look-up refreshes the
   * lists.
   */
  forget(leaseId: string): void {
    if (typeof this.#index?.find(leaseId) !== 'object') return;
    this.#refreshedMs = Number.NEGATIVE_INFINITY;
    this.#bindings.doubt(leaseId);
  }

  /**
   * Looks up a name again, in a list requested after a dial found `goneId` unknown. Never rejects.
   */
  async findAgain(nameOrId: string, goneId: string): Promise<DirectoryResponse<L, S>> {
    // A list in flight may be older than the return of the app; a newer one may already have its
    // new id.
    await this.#refreshing;
    const known = this.#response(nameOrId);
    if (known.kind === 'found' && known.found.lease.id !== goneId) return known;
    if (!this.#connected()) return { kind: 'no_relay' };
    await (this.#asking ??= this.#askAgain());
    return this.#response(nameOrId);
  }

  status(): readonly ListStatus<S>[] {
    return this.#lists.map((list) => statusOf(list, this.#index));
  }

  #response(nameOrId: string): DirectoryResponse<L, S> {
    if (this.#index === undefined) return { kind: 'no_relay' };
    const found = this.#index.find(nameOrId);
    if (typeof found === 'object') return { kind: 'found', found };
    const isLost = found === 'unknown' && this.#lost.has(nameOrId, this.#clock.monotonicMs());
    return { kind: isLost ? 'lost' : found };
  }

  #connected(): boolean {
    return this.#lists.some(({ source }) => source.state() !== 'down');
  }

  async #askAgain(): Promise<void> {
    const waitMs = this.#startedMs + lostRefreshIntervalMs - this.#clock.monotonicMs();
    await (waitMs > 0 ? delay(waitMs, undefined, { ref: false }) : undefined);
    this.#asking = undefined;
    this.#startedMs = this.#clock.monotonicMs();
    await this.#refresh();
  }

  /**
   * Joins the refresh in flight, or begins one unless the last one began less than `intervalMs`
   * ago.
   */
  #refreshUnlessWithin(intervalMs: number): Promise<void> | undefined {
    const isRecent = this.#clock.monotonicMs() - this.#startedMs < intervalMs;
    if (this.#refreshing === undefined && isRecent) return undefined;
    this.#startedMs = this.#clock.monotonicMs();
    return this.#refresh();
  }

  #refresh(): Promise<void> {
    this.#refreshing ??= this.#listAll().finally(() => {
      this.#refreshing = undefined;
    });
    return this.#refreshing;
  }

  /** A list that takes longer than callers wait is used when it arrives. */
  async #listAll(): Promise<void> {
    const lists = Promise.all(this.#lists.map((list) => this.#list(list)));
    let timer: NodeJS.Timeout | undefined;
    const patience = new Promise((resolve) => {
      timer = setTimeout(resolve, this.#listTimeoutMs).unref();
    });
    await Promise.race([lists, patience]);
    clearTimeout(timer);
    await this.#build();
    void lists.then(() => this.#build());
  }

  async #list(list: RelayList<L, S>): Promise<void> {
    if (list.source.state() === 'down') return;
    const joins = list.isRunning;
    if (await list.refresh()) this.#arrived.add(list);
    else if (!joins) this.#report.failed(list);
  }

  #build(): Promise<void> {
    this.#building ??= this.#buildAll().finally(() => {
      this.#building = undefined;
    });
    return this.#building;
  }

  async #buildAll(): Promise<void> {
    while (this.#arrived.size > 0) {
      const arrived = [...this.#arrived];
      this.#arrived.clear();
      const slices = new Slices();
      const lists = this.#lists.flatMap(({ source, leases }) =>
        leases === undefined ? [] : [[source, leases] as const],
      );
      const before = this.#index;
      const index = await slices.run(LeaseIndex.build<L, S>(lists, this.#bindings));
      this.#index = index;
      this.#refreshedMs = this.#clock.monotonicMs();
      await slices.run(this.#lost.update(before, index, this.#refreshedMs));
      this.#report.built(index, this.#bindings.endRound(index.nameCount), arrived);
    }
  }
}
