// Decides which lease id a name leads to when several ids claim it, and remembers it (`portal.name_binding`). `first`: the id that
// had the name keeps it while a relay lists it; then a single other id takes it. `strict`: a name stays with its id until another
// one is accepted. Pins are decided elsewhere and come before this.
import { sharedLeaseNames } from '../kernel/lease-name.ts';

export type NameBindingMode = 'first' | 'strict';

export interface Move {
  /** Folded. */
  readonly name: string;
  /** Where it led before. */
  readonly from: readonly string[];
  readonly to: string;
}

/** The ids that relays list under one folded name. */
export interface NameClaim {
  /** Not more than `maxIds`; `count` has all. */
  readonly ids: string[];
  count: number;
  /** The id that has the name is among them, even where `ids` is cut short. */
  holderIsListed: boolean;
}

/** The id that has the name, or why nobody has. */
export type NameOwner = { readonly id: string } | 'ambiguous' | 'not_accepted';

export const maxIds = 4;
/** Names that are not listed now: of more, the ones that were listed longest ago are forgotten. Under `strict` none is. */
const maxUnlistedNames = 20_000;
/** Under `strict`, names that are remembered without anybody's decision: a stranger can publish any number of names. */
const maxStrictNames = 100_000;

export interface NameBindingsOptions {
  readonly mode: () => NameBindingMode;
  /** A name was bound to an id that it was not bound to before. */
  readonly bound?: (name: string, id: string) => void;
}

export class NameBindings {
  readonly #mode: () => NameBindingMode;
  readonly #bound: ((name: string, id: string) => void) | undefined;
  /** Folded name -> id. The longest unlisted first. */
  readonly #idByName = new Map<string, string>();
  /** Ids that a dial found to be unknown since the last round. */
  #doubted = new Set<string>();
  #moves: Move[] = [];

  constructor({ mode, bound }: NameBindingsOptions) {
    this.#mode = mode;
    this.#bound = bound;
  }

  /** `name`: folded. */
  idOf(name: string): string | undefined {
    return this.#idByName.get(name);
  }

  /** What was remembered before, or what an operator decided: takes the place of what is known. */
  restore(bindings: Iterable<readonly [name: string, id: string]>): void {
    for (const [name, id] of bindings) this.#idByName.set(name, id);
  }

  entries(): IterableIterator<[name: string, id: string]> {
    return this.#idByName.entries();
  }

  /** A dial says that there is no such lease: in the next round it does not keep its names from a single other id. */
  doubt(id: string): void {
    if (this.#doubted.size < maxUnlistedNames) this.#doubted.add(id);
  }

  /** `name`: folded. Changes what is remembered. */
  decide(name: string, claim: NameClaim): NameOwner {
    const [first = ''] = claim.ids;
    if (sharedLeaseNames.has(name)) return claim.count === 1 ? { id: first } : 'ambiguous';
    const before = this.#idByName.get(name);
    const strict = this.#mode() === 'strict';
    if (before !== undefined) {
      // Listed again: moved to the end of the order of forgetting.
      this.#idByName.delete(name);
      this.#idByName.set(name, before);
      if (strict && !claim.holderIsListed) return 'not_accepted';
      if (claim.holderIsListed && (strict || !this.#doubted.has(before) || claim.count !== 2)) return { id: before };
    } else if (strict && this.#idByName.size >= maxStrictNames) return 'not_accepted';
    const others = before !== undefined && claim.holderIsListed ? claim.count - 1 : claim.count;
    const next = claim.ids.find((id) => id !== before);
    if (others !== 1 || next === undefined) return 'ambiguous';
    this.#idByName.set(name, next);
    this.#bound?.(name, next);
    if (before !== undefined) this.#moves.push({ name, from: [before], to: next });
    return { id: next };
  }

  /** After all claims of one round were decided. `listed`: how many names they had. The moves since the last round. */
  endRound(listed: number): readonly Move[] {
    const moves = this.#moves;
    this.#moves = [];
    this.#doubted = new Set();
    if (this.#mode() === 'strict') return moves;
    for (const oldest of this.#idByName.keys()) {
      if (this.#idByName.size <= listed + maxUnlistedNames) break;
      this.#idByName.delete(oldest);
    }
    return moves;
  }
}
