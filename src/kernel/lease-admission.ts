// Decides which entries of a relay's lease list are used. Relays and the apps behind them are strangers: an entry that is of no use
// is ignored by itself, and never a reason to refuse the rest of the list.
import { isLeaseId, leaseIdIn } from './lease-name.ts';

/** Why an entry is ignored. */
export type IgnoredReason =
  | 'bad_id'
  | 'name_too_long'
  /** The name has the form of a lease id. */
  | 'name_is_id'
  /** The list has this id and name already. */
  | 'duplicate'
  | 'too_many_names'
  | 'too_many_leases';

export type IgnoredCounts = ReadonlyMap<IgnoredReason, number>;

/** UTF-8. A DNS name has 255 bytes at most. */
export const maxNameBytes = 256;
/**
 * Names of one id in one list. Real relays list an id once; a few more are for relays that keep the old name for a while. Rules are
 * looked up for each name of a lease, so this bounds their work: eight names for each configured relay.
 */
const maxNamesPerId = 8;

/** A set of ids of which only these two are asked. */
export interface IdSet {
  readonly size: number;
  has(id: string): boolean;
}

export interface AdmissionOptions {
  /** Distinct ids. */
  readonly maxLeases: number;
  /** Ids that have a place whatever comes before them: those of the last list, so that a flood of new ones displaces nobody. */
  readonly reserved?: IdSet;
}

/** For one list. */
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

  /** The ids that were admitted. */
  get ids(): IdSet {
    return this.#namesById;
  }

  /** `name`: undefined where it is longer than maxNameBytes. Counts what is ignored. */
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
