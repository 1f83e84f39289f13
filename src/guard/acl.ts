// Owns the decision who may call which lease (product-spec §5, ACL): rules compiled once, looked up in a time that does not grow with
// their number. Pure: knows no request and no directory.
import { foldName, isLeaseId } from '../kernel/lease-name.ts';
import { compiled } from '../policy/compiled.ts';
import type { Policy } from '../policy/policy.ts';
import type { Principal } from './principal.ts';

/** `exact`, `prefix-*` or `*` -> principals: an id of a key, `sub:…`, `scope:…`, `tenant:…`, `*` or `anonymous`. */
export type AclRules = Readonly<Record<string, readonly string[]>>;

/** A lease under all that it is known by. */
export interface AclTarget {
  readonly id: string;
  /** Every name that the directory maps to the id. */
  readonly names: readonly string[];
}

export type AclClass = 'exact' | 'prefix' | 'any';

export interface AclVerdict {
  readonly allowed: boolean;
  /** The class that decided; undefined when no rule fits, which denies. */
  readonly class: AclClass | undefined;
  /** The rules of that class that fit, in the order of the configuration. */
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

  constructor(pattern: string, principals: readonly string[], order: number) {
    this.pattern = pattern;
    this.principals = principals;
    this.order = order;
    this.#anyone = principals.includes('anonymous');
    this.#anyAuthenticated = principals.includes('*');
    this.#listed = new Set(principals);
  }

  /** `anonymous` lets in everyone: who shows a credential can do no less than who shows none. */
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

const denied: AclVerdict = Object.freeze({ allowed: false, class: undefined, rules: Object.freeze([]) });

export class Acl {
  /** A pattern that is a lease id names that lease and none that is called so: anyone may publish any name. */
  readonly #byId = new Map<string, Rule>();
  readonly #byName = new Map<string, Rule[]>();
  readonly #byPrefix = new Map<string, Rule[]>();
  /** The lengths of all prefixes, ascending: so many look-ups, however many rules there are. */
  readonly #prefixLengths: readonly number[];
  readonly #any: Rule | undefined;
  /** False: no rule lets anyone in without a credential, whatever the lease. */
  readonly admitsAnonymous: boolean;

  constructor(rules: AclRules) {
    let any: Rule | undefined;
    for (const [order, [pattern, principals]] of Object.entries(rules).entries()) {
      const rule = new Rule(pattern, principals, order);
      if (pattern === '*') any = rule;
      else if (pattern.endsWith('*')) append(this.#byPrefix, foldName(pattern.slice(0, -1)), rule);
      else if (isLeaseId(pattern)) this.#byId.set(pattern, rule);
      else append(this.#byName, foldName(pattern), rule);
    }
    this.#any = any;
    this.admitsAnonymous = Object.values(rules).some((principals) => principals.includes('anonymous'));
    this.#prefixLengths = [...new Set(Array.from(this.#byPrefix.keys(), ({ length }) => length))].sort((a, b) => a - b);
  }

  /** The most specific class that fits decides; within it, whoever one of the rules lets in. */
  decide(target: AclTarget, principal: Principal): AclVerdict {
    const byId = this.#byId.get(target.id);
    const byName = this.#named(target);
    // A rule for the name can't be evaded by the id, nor one for the id by a name: where both exist, both must allow.
    if (byId !== undefined || byName.length > 0) {
      const rules = byId === undefined ? byName : [byId, ...byName];
      const idAllows = byId?.allows(principal) ?? true;
      const nameAllows = byName.length === 0 || someAllows(byName, principal);
      return { allowed: idAllows && nameAllows, class: 'exact', rules };
    }
    const prefixed = this.#prefixed(target);
    if (prefixed.length > 0) return { allowed: someAllows(prefixed, principal), class: 'prefix', rules: prefixed };
    if (this.#any === undefined) return denied;
    return { allowed: this.#any.allows(principal), class: 'any', rules: [this.#any] };
  }

  /**
   * Whether the principal may know if there is a lease of that name or id: an unknown lease is told from a forbidden one only
   * to those whom the rules would let in (product-spec §4).
   */
  wouldAllow(nameOrId: string, principal: Principal): boolean {
    return this.decide({ id: nameOrId, names: [nameOrId] }, principal).allowed;
  }

  #named({ names }: AclTarget): Rule[] {
    if (this.#byName.size === 0) return [];
    return inOrder(names.flatMap((name) => this.#byName.get(foldName(name)) ?? []));
  }

  #prefixed({ id, names }: AclTarget): Rule[] {
    if (this.#prefixLengths.length === 0) return [];
    const rules: Rule[] = [];
    for (const text of [foldName(id), ...names.map(foldName)]) {
      for (const length of this.#prefixLengths) {
        if (length > text.length) break;
        const found = this.#byPrefix.get(text.slice(0, length));
        if (found !== undefined) rules.push(...found);
      }
    }
    return inOrder(rules);
  }
}

export const aclOf: (policy: Policy) => Acl = compiled(({ acl }) => new Acl(acl));

function someAllows(rules: readonly Rule[], principal: Principal): boolean {
  return rules.some((rule) => rule.allows(principal));
}

/** Once each, as configured. */
function inOrder(rules: readonly Rule[]): Rule[] {
  if (rules.length < 2) return [...rules];
  return [...new Set(rules)].sort((a, b) => a.order - b.order);
}

function append(map: Map<string, Rule[]>, key: string, rule: Rule): void {
  const known = map.get(key);
  if (known === undefined) map.set(key, [rule]);
  else known.push(rule);
}
