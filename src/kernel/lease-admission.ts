// Decides which entries of a relay's lease list are used. Relays and the apps behind them are not
// trusted: an unusable entry is ignored on its own and never invalidates the rest of the list.
import { isLeaseId, leaseIdIn } from './lease-name.ts';

export type IgnoredReason =
  | 'bad_id'
  | 'name_too_long'
  /** The name has the form of a lease id. */
  | 'name_is_id'
  /** The list already contains this id and name. */
  | 'duplicate'
  | 'too_many_names'
  | 'too_many_leases';

export type IgnoredCounts = ReadonlyMap<IgnoredReason, number>;

/** In UTF-8. A DNS name has at most 255 bytes. */
export const maxNameBytes = 256;
/**
 * Maximum names of one id in one list. Relays list an id once; a few more allow for relays that
 * keep the old name for a while. Rules are looked up for each name of a lease, so this bounds their
 * work: eight names for each configured relay.
 */
const maxNamesPerId = 8;

/** The two members of a set of ids that are needed here. */
export interface IdSet {
  readonly size: number;
  has(id: string): boolean;
}

export interface AdmissionOptions {
  /** Maximum number of distinct ids. */
  readonly maxLeases: number;
  /**
   * Ids that are guaranteed a place, whatever comes before them: those of the last list, so that a
   * flood of new ids displaces none of them.
   */
  readonly reserved?: IdSet;
}

/** Holds the state for one list. */
export class LeaseAdmission {
  readonly #reserved: IdSet;
  readonly #namesById = new Map<string, string[]>();
  readonly #ignored = new Map<IgnoredReason, number>();
  #places: number;

  constructor({ maxLeases, reserved = new Set() }: AdmissionOptions) {
    this.#reserved = reserved;
    this.#places = Math.max(0, maxLeases - reserved.size);
  }

  get ignored(): IgnoredCounts {
    return this.#ignored;
  }

  get ids(): IdSet {
    return this.#namesById;
  }

  /** `name`: undefined if it is longer than maxNameBytes. Counts ignored entries. */
  admits(id: string, name: string | undefined): boolean {
    const reason = this.#refusalOf(id, name);
    if (reason !== undefined) this.#ignored.set(reason, (this.#ignored.get(reason) ?? 0) + 1);
    return reason === undefined;
  }

  #refusalOf(id: string, name: string | undefined): IgnoredReason | undefined {
    if (!isLeaseId(id)) return 'bad_id';
    // A UTF-16 unit takes at most three bytes.
    if (name === undefined || (name.length > maxNameBytes / 3 && Buffer.byteLength(name) > maxNameBytes))
      return 'name_too_long';
    if (leaseIdIn(name) !== undefined) return 'name_is_id';
    const names = this.#namesById.get(id);
    if (names !== undefined) {
      if (names.includes(name)) return 'duplicate';
      if (names.length >= maxNamesPerId) return 'too_many_names';
      names.push(name);
      return undefined;
    }
    if (!this.#reserved.has(id)) {
      if (this.#places === 0) return 'too_many_leases';
      this.#places -= 1;
    }
    this.#namesById.set(id, [name]);
    return undefined;
  }
}
