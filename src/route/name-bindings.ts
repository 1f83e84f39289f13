// Decides which lease id a name leads to when several ids claim it, and remembers the decision
// (`portal.name_binding`). With `first`, the id that has the name keeps it while a relay lists it;
// once no relay lists it, the only other id that claims the name gets it. With `strict`, a name
// stays with its id until another one is accepted. Pins are handled elsewhere and take precedence.
import { sharedLeaseNames } from '../kernel/lease-name.ts';

export type NameBindingMode = 'first' | 'strict';

export interface Move {
  readonly name: string;
  /** The ids that the name led to before. */
  readonly from: readonly string[];
  readonly to: string;
}

/** The ids that relays list under one folded name. */
export interface NameClaim {
  /** At most `maxIds`; `count` includes the rest. */
  readonly ids: string[];
  count: number;
  /** Whether the id that has the name is among them, even if `ids` was truncated. */
  holderIsListed: boolean;
}

/** The id that has the name, or why no id has it. */
export type NameOwner = { readonly id: string } | 'ambiguous' | 'not_accepted';

export const maxIds = 4;
/**
 * Maximum number of remembered names that are not listed now. Beyond it, the names unlisted for
 * longest are forgotten, except under `strict`.
 */
const maxUnlistedNames = 20_000;
/**
 * Maximum number of names remembered under `strict` without a decision of the operator, because
 * anyone can publish any number of names.
 */
const maxStrictNames = 100_000;

export interface NameBindingsOptions {
  readonly mode: () => NameBindingMode;
  /** Called when a name is bound to a different id than before, or for the first time. */
  readonly bound?: (name: string, id: string) => void;
}

export class NameBindings {
  readonly #mode: () => NameBindingMode;
  readonly #bound: ((name: string, id: string) => void) | undefined;
  /** Folded name -> id, the longest unlisted first. */
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

  /** Loads bindings remembered earlier or decided by an operator; they replace the current ones. */
  restore(bindings: Iterable<readonly [name: string, id: string]>): void {
    for (const [name, id] of bindings) this.#idByName.set(name, id);
  }

  entries(): IterableIterator<[name: string, id: string]> {
    return this.#idByName.entries();
  }

  /**
   * A dial found this lease unknown: in the next round, it does not keep its names if a single
   * other id claims them.
   */
  doubt(id: string): void {
    if (this.#doubted.size < maxUnlistedNames) this.#doubted.add(id);
  }

  /** `name`: folded. May change the binding. */
  decide(name: string, claim: NameClaim): NameOwner {
    const [first = ''] = claim.ids;
    if (sharedLeaseNames.has(name)) return claim.count === 1 ? { id: first } : 'ambiguous';
    const before = this.#idByName.get(name);
    const strict = this.#mode() === 'strict';
    if (before !== undefined) {
      // Listed again: moved to the end, so that it is forgotten last.
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

  /**
   * Ends a round, after all of its claims were decided. `listed`: how many names were claimed.
   * Returns the moves since the last round.
   */
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
