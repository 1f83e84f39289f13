// The bindings of names to ids in `portal.lease_pins`. They override what relays list: a pinned
// name belongs to exactly one lease.
import { foldName, leaseIdIn } from '../kernel/lease-name.ts';
import { entriesOf } from '../kernel/work/large-records.ts';
import { atOnce, type Steps } from '../kernel/work/slices.ts';
import { compiledInSteps } from './compiled.ts';
import { PerLease } from './per-lease.ts';
import type { Policy } from './policy.ts';

export class LeasePins {
  readonly #idByName = new Map<string, string>();
  readonly #namesById = new Map<string, string[]>();
  readonly #names = new PerLease((id, listed) => this.#workOutNames(id, listed));

  constructor(pins: Readonly<Record<string, string>>) {
    atOnce(this.#add(pins));
  }

  static *inSteps(pins: Readonly<Record<string, string>>): Steps<LeasePins> {
    const made = new LeasePins({});
    yield* made.#add(pins);
    return made;
  }

  *#add(pins: Readonly<Record<string, string>>): Steps<void> {
    for (const [name, id] of entriesOf(pins)) {
      // Text in the form of an id is never a name: a pin for it would redirect the
      // callers of that id.
      if (leaseIdIn(name) === undefined) this.#pin(name, id);
      yield;
    }
  }

  #pin(name: string, id: string): void {
    this.#idByName.set(foldName(name), id);
    const names = this.#namesById.get(id);
    if (names === undefined) this.#namesById.set(id, [name]);
    else names.push(name);
  }

  /** Every id that a name is pinned to. */
  get ids(): ReadonlyMap<string, unknown> {
    return this.#namesById;
  }

  /** The only id that the name may lead to; undefined: the name is not pinned. */
  idOf(name: string): string | undefined {
    return this.#idByName.size === 0 || leaseIdIn(name) !== undefined ? undefined : this.#idByName.get(foldName(name));
  }

  /**
   * The names of a lease: those that relays list and that are not pinned to another lease, and
   * those pinned to it, whose rules apply even while no relay lists them. Undefined: a listed name
   * belongs to another lease, and no pin vouches for this one.
   */
  namesOf(id: string, listed: readonly string[]): readonly string[] | undefined {
    return this.#idByName.size === 0 ? listed : this.#names.of(id, listed);
  }

  #workOutNames(id: string, listed: readonly string[]): readonly string[] | undefined {
    const pinned = this.#namesById.get(id);
    const rightful = listed.filter((name) => (this.idOf(name) ?? id) === id);
    if (pinned === undefined) return rightful.length === listed.length ? listed : undefined;
    return [...new Set([...rightful, ...pinned])];
  }
}

export const leasePins: (policy: Policy) => LeasePins = compiledInSteps((policy) =>
  LeasePins.inSteps(policy.leasePins),
);
