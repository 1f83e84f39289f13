// Owns the answer to "which lease is meant, and who lists it": the relays' lists, how long they are believed, and when they are
// asked again. Asks each relay once at a time, however many requests wait. Knows no protocol.
import type { Clock } from '../kernel/clock.ts';
import { TimeLimit } from '../kernel/time-limit.ts';
import { LeaseIndex, type Found, type Listed } from './lease-index.ts';
import { NameMoves, type Move } from './name-moves.ts';
import { RecentlyLost } from './recently-lost.ts';

/** What the directory asks of a relay connection. */
export interface LeaseSource<L extends Listed> {
  state(): 'up' | 'suspect' | 'draining' | 'down';
  list(signal: AbortSignal): Promise<readonly L[]>;
}

export type DirectoryAnswer<L extends Listed, S> =
  | { readonly kind: 'found'; readonly found: Found<L, S> }
  | { readonly kind: 'unknown' }
  /** It was listed a moment ago: its app or its relay most likely comes back. */
  | { readonly kind: 'lost' }
  | { readonly kind: 'ambiguous' }
  /** No relay is connected, or none has answered yet. */
  | { readonly kind: 'no_relay' };

export interface DirectoryOptions {
  readonly clock: Clock;
  /** How long a list is believed without asking. For as long again it still answers while the relays are asked. */
  readonly ttlMs: () => number;
  readonly listTimeoutMs?: number;
  /** Told of each name that leads elsewhere than before. */
  readonly moved?: (move: Move) => void;
}

const defaultListTimeoutMs = 5_000;
/** A name that nobody has published costs the relays one question a second, whatever clients send. */
const minRefreshIntervalMs = 1_000;
/** For a lease that was lost a moment ago: callers should notice at once that it is back. */
const lostRefreshIntervalMs = 100;

export class LeaseDirectory<L extends Listed, S extends LeaseSource<L>> {
  readonly #sources: readonly S[];
  readonly #clock: Clock;
  readonly #ttlMs: () => number;
  readonly #listTimeoutMs: number;
  readonly #lists = new Map<S, readonly L[]>();
  readonly #lost = new RecentlyLost();
  readonly #moves = new NameMoves();
  readonly #moved: ((move: Move) => void) | undefined;
  #index: LeaseIndex<L, S> | undefined = undefined;
  #refreshing: Promise<void> | undefined = undefined;
  #startedMs = Number.NEGATIVE_INFINITY;
  #refreshedMs = Number.NEGATIVE_INFINITY;

  constructor(sources: readonly S[], options: DirectoryOptions) {
    this.#sources = sources;
    this.#clock = options.clock;
    this.#ttlMs = options.ttlMs;
    this.#listTimeoutMs = options.listTimeoutMs ?? defaultListTimeoutMs;
    this.#moved = options.moved;
  }

  /**
   * The answer at once where it is known, which is nearly always; otherwise a promise of it, which never rejects. `isHidden`: the
   * caller must not learn by the time whether the lease was here a moment ago.
   */
  find(
    nameOrId: string,
    isHidden: () => boolean = () => false,
  ): DirectoryAnswer<L, S> | Promise<DirectoryAnswer<L, S>> {
    const ageMs = this.#clock.monotonicMs() - this.#refreshedMs;
    const ttlMs = this.#ttlMs();
    if (this.#index !== undefined && ageMs <= 2 * ttlMs) {
      const found = this.#index.find(nameOrId);
      if (typeof found === 'object') {
        if (ageMs > ttlMs) void this.#refresh();
        return { kind: 'found', found };
      }
    }
    if (!this.#connected()) return { kind: 'no_relay' };
    const isLost = this.#lost.has(nameOrId, this.#clock.monotonicMs()) && !isHidden();
    const refresh = this.#refreshUnlessWithin(isLost ? lostRefreshIntervalMs : minRefreshIntervalMs);
    return refresh === undefined ? this.#answer(nameOrId) : refresh.then(() => this.#answer(nameOrId));
  }

  /** What the look-up of a name that no relay lists waits for, if it begins now. Undefined: for nothing. Never rejects. */
  unknownWait(): Promise<void> | undefined {
    return this.#connected() ? this.#refreshUnlessWithin(minRefreshIntervalMs) : undefined;
  }

  /** What the last lists say, however old they are: asks nobody. */
  known(nameOrId: string): L | undefined {
    const found = this.#index?.find(nameOrId);
    return typeof found === 'object' ? found.lease : undefined;
  }

  /** The relay or the app said that this lease is no more: the next look-up asks again. */
  forget(leaseId: string): void {
    if (typeof this.#index?.find(leaseId) === 'object') this.#refreshedMs = Number.NEGATIVE_INFINITY;
  }

  #answer(nameOrId: string): DirectoryAnswer<L, S> {
    if (this.#index === undefined) return { kind: 'no_relay' };
    const found = this.#index.find(nameOrId);
    if (typeof found === 'object') return { kind: 'found', found };
    const isLost = found === 'unknown' && this.#lost.has(nameOrId, this.#clock.monotonicMs());
    return { kind: isLost ? 'lost' : found };
  }

  #connected(): boolean {
    return this.#sources.some((source) => source.state() !== 'down');
  }

  /** Joins the refresh under way, or begins one unless the last one began within this time. */
  #refreshUnlessWithin(intervalMs: number): Promise<void> | undefined {
    const isRecent = this.#clock.monotonicMs() - this.#startedMs < intervalMs;
    return this.#refreshing === undefined && isRecent ? undefined : this.#refresh();
  }

  #refresh(): Promise<void> {
    this.#refreshing ??= this.#listAll().finally(() => {
      this.#refreshing = undefined;
    });
    return this.#refreshing;
  }

  async #listAll(): Promise<void> {
    this.#startedMs = this.#clock.monotonicMs();
    using limit = new TimeLimit(this.#listTimeoutMs);
    const answers = await Promise.all(this.#sources.map((source) => this.#list(source, limit.signal)));
    if (!answers.includes(true)) return;
    this.#index = new LeaseIndex(this.#lists);
    this.#refreshedMs = this.#clock.monotonicMs();
    const listed = [...this.#lists.values()].flat();
    this.#lost.update(listed, this.#refreshedMs);
    for (const move of this.#moves.update(listed)) this.#moved?.(move);
  }

  /** A relay that does not answer keeps its last list: its leases are unreachable for now, not unknown. */
  async #list(source: S, signal: AbortSignal): Promise<boolean> {
    if (source.state() === 'down') return false;
    try {
      this.#lists.set(source, await source.list(signal));
      return true;
    } catch {
      return false;
    }
  }
}
