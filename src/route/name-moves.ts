// Owns the memory of which ids a name has led to, so that it is noticed when a relay leads it elsewhere. Bounded: of more names than
// that, those that were listed longest ago are forgotten.
import { foldName } from '../kernel/lease-name.ts';
import type { Listed } from './lease-index.ts';

export interface Move {
  readonly name: string;
  /** Where it led before. */
  readonly from: readonly string[];
  readonly to: string;
}

const mostNames = 20_000;
const mostIdsOfName = 16;

export class NameMoves {
  /** By folded name, since a call in any case may find the newcomer. The longest unlisted first. */
  readonly #known = new Map<string, readonly string[]>();

  /** The names that lead to an id which they did not lead to before. A name that is seen for the first time has not moved. */
  update(listed: readonly Listed[]): Move[] {
    const moves: Move[] = [];
    const now = new Map<string, string[]>();
    for (const { id, name } of listed) {
      if (name === '') continue;
      const folded = foldName(name);
      const ids = now.get(folded);
      if (ids === undefined) now.set(folded, [id]);
      else if (ids.length < mostIdsOfName && !ids.includes(id)) ids.push(id);
    }
    for (const [name, ids] of now) {
      const from = this.#known.get(name);
      if (from !== undefined) for (const to of ids) if (!from.includes(to)) moves.push({ name, from, to });
      this.#known.delete(name);
      this.#known.set(name, ids);
    }
    for (const oldest of this.#known.keys()) {
      if (this.#known.size <= mostNames) break;
      this.#known.delete(oldest);
    }
    return moves;
  }
}
