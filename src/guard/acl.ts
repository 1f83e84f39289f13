// Decides who may call which lease (docs/guides/authentication.md#who-may-call-which-lease). Rules
// are compiled once; the time of a look-up does not grow with their number. Pure: uses no request
// and no directory.
import { entriesOf } from '../kernel/work/large-records.ts';
import { foldName, leaseIdIn } from '../kernel/lease-name.ts';
import { atOnce, type Steps } from '../kernel/work/slices.ts';
import { compiledInSteps } from '../policy/compiled.ts';
import { PerLease } from '../policy/per-lease.ts';
import type { Policy } from '../policy/policy.ts';
import { PrefixIndex } from '../policy/prefix-index.ts';
import type { Principal } from './principal.ts';

/**
 * `exact`, `prefix-*` or `*` -> principals: the id of a key, `sub:…`, `scope:…`, `tenant:…`, `*` or
 * `anonymous`.
 */
export type AclRules = Readonly<Record<string, readonly string[]>>;

/** A lease with its id and all its names. */
export interface AclTarget {
  readonly id: string;
  /** Every name that the directory maps to the id. */
  readonly names: readonly string[];
}

export type AclClass = 'exact' | 'prefix' | 'any';

export interface AclVerdict {
  readonly allowed: boolean;
  /** The class that decided; undefined when no rule matches, which denies. */
  readonly class: AclClass | undefined;
  /** The matching rules of that class, in the order of the configuration. */
  readonly rules: readonly AclRule[];
}

export interface AclRule {
  /** As configured. */
  readonly pattern: string;
  readonly principals: readonly string[];
  allows(principal: Principal): boolean;
}

class Rule implements AclRule {
  readonly pattern: string;
  readonly principals: readonly string[];
  readonly order: number;
  readonly #anyone: boolean;
  readonly #anyAuthenticated: boolean;
  readonly #listed: ReadonlySet<string>;

  constructor(
    pattern: string,
    principals: readonly string[],
    order: number,
    listed: ReadonlySet<string> = new Set(principals),
  ) {
    this.pattern = pattern;
    this.principals = principals;
    this.order = order;
    this.#listed = listed;
    this.#anyone = this.#listed.has('anonymous');
    this.#anyAuthenticated = this.#listed.has('*');
  }

  get anyone(): boolean {
    return this.#anyone;
  }

  /** `anonymous` admits everyone: a caller with a credential may do no less than one without. */
  allows({ kind, id, scopes, subject, tenant }: Principal): boolean {
    if (this.#anyone) return true;
    if (kind === 'anonymous') return false;
    if (this.#anyAuthenticated) return true;
    const listed = this.#listed;
    if (kind === 'key' && listed.has(id)) return true;
    if (subject !== undefined && listed.has(`sub:${subject}`)) return true;
    if (tenant !== undefined && listed.has(`tenant:${tenant}`)) return true;
    return scopes.some((scope) => listed.has(`scope:${scope}`));
  }
}

/** The rules that decide about a lease, for any caller. */
interface Deciding {
  readonly class: AclClass | undefined;
  readonly rules: readonly AclRule[];
  /** At least one rule of each group must admit the caller. No groups: every caller is denied. */
  readonly groups: readonly (readonly AclRule[])[];
}

const nothing: Deciding = { class: undefined, rules: Object.freeze([]), groups: [] };

export class Acl {
  /**
   * A pattern that is a lease id matches the lease with this id and never a name: anyone may
   * publish any name.
   */
  readonly #byId = new Map<string, Rule[]>();
  readonly #byName = new Map<string, Rule[]>();
  readonly #byPrefix = new PrefixIndex<Rule>();
  readonly #deciding = new PerLease((id, names) => this.#decidingFor(id, names));
  #any: Rule | undefined = undefined;
  readonly #all: Rule[] = [];
  /** Admits every principal that at least one rule admits. */
  #union = new Rule('', [], 0);
  /** Whether every rule admits a principal. */
  readonly #isFree = new WeakMap<Principal, boolean>();

  constructor(rules: AclRules) {
    atOnce(this.#add(rules));
  }

  static *inSteps(rules: AclRules): Steps<Acl> {
    const made = new Acl({});
    yield* made.#add(rules);
    return made;
  }

  /** False when no rule admits anonymous callers, whatever the lease. */
  get admitsAnonymous(): boolean {
    return this.#union.anyone;
  }

  *#add(rules: AclRules): Steps<void> {
    const listed = new Set<string>();
    for (const [pattern, principals] of entriesOf(rules)) {
      const rule = new Rule(pattern, principals, this.#all.length);
      this.#all.push(rule);
      for (const principal of principals) listed.add(principal);
      const id = leaseIdIn(pattern);
      if (pattern === '*') this.#any = rule;
      else if (pattern.endsWith('*')) this.#byPrefix.add(foldName(pattern.slice(0, -1)), rule);
      else if (id !== undefined) append(this.#byId, id, rule);
      else append(this.#byName, foldName(pattern), rule);
      yield;
    }
    this.#union = new Rule('', [], 0, listed);
  }

  /**
   * The most specific matching class decides; one of its rules is enough to admit the principal.
   */
  decide(target: AclTarget, principal: Principal): AclVerdict {
    const { groups, rules, class: itsClass } = this.#deciding.of(target.id, target.names);
    const allowed = groups.length > 0 && groups.every((group) => group.some((rule) => rule.allows(principal)));
    return { allowed, class: itsClass, rules };
  }

  /**
   * Whether the principal may know if there is a lease of that name or id: only principals that the
   * rules would admit can tell an unknown lease from a forbidden one.
   */
  wouldAllow(nameOrId: string, principal: Principal): boolean {
    const id = leaseIdIn(nameOrId);
    return this.decide(id === undefined ? { id: '', names: [nameOrId] } : { id, names: [] }, principal).allowed;
  }

  /**
   * False when no lease that this text can resolve to admits the principal, whatever other names it
   * has. Decided without a directory, so that it takes the same time for every lease.
   */
  couldAllow(nameOrId: string, principal: Principal): boolean {
    const byId = this.#byId.get(leaseIdIn(nameOrId) ?? nameOrId);
    if (byId?.some((rule) => rule.allows(principal)) === false) return false;
    return this.#union.allows(principal);
  }

  /**
   * Whether the principal may learn that no lease has this id. A lease with the id could have any
   * name, so without a rule for the id itself every rule must admit the principal: otherwise a 403
   * for a forbidden name would differ from a 404.
   */
  mayMissId(id: string, principal: Principal): boolean {
    const byId = this.#byId.get(id);
    if (byId !== undefined) return byId.some((rule) => rule.allows(principal));
    let isFree = this.#isFree.get(principal);
    if (isFree === undefined) {
      isFree = this.#all.every((rule) => rule.allows(principal));
      this.#isFree.set(principal, isFree);
    }
    return isFree;
  }

  #decidingFor(id: string, names: readonly string[]): Deciding {
    const folded = names.filter((name) => leaseIdIn(name) === undefined).map(foldName);
    const byId = this.#byId.get(id) ?? [];
    const byName = inOrder(folded.flatMap((name) => this.#byName.get(name) ?? []));
    if (byId.length > 0 || byName.length > 0) {
      // The id cannot bypass a rule for the name, nor a name a rule for the id: where both exist,
      // both must allow.
      const groups = [byId, byName].filter(({ length }) => length > 0);
      return { class: 'exact', rules: groups.flat(), groups };
    }
    // By names alone: identities can be generated until an id begins with a given prefix.
    const prefixed = inOrder(folded.flatMap((name) => [...this.#byPrefix.matching(name)]));
    if (prefixed.length > 0) return { class: 'prefix', rules: prefixed, groups: [prefixed] };
    if (this.#any === undefined) return nothing;
    return { class: 'any', rules: [this.#any], groups: [[this.#any]] };
  }
}

export const aclOf: (policy: Policy) => Acl = compiledInSteps(({ acl }) => Acl.inSteps(acl));

/** Without duplicates, in the order of the configuration. */
function inOrder(rules: readonly Rule[]): Rule[] {
  if (rules.length < 2) return [...rules];
  return [...new Set(rules)].sort((a, b) => a.order - b.order);
}

function append(map: Map<string, Rule[]>, key: string, rule: Rule): void {
  const known = map.get(key);
  if (known === undefined) map.set(key, [rule]);
  else known.push(rule);
}
