// One lease rule as people write it outside of a file: LEASE=PRINCIPAL. Loads no schema, because
// command lines are parsed before anything else.
import { leaseKey } from '../../kernel/lease-name.ts';

/** The principals that may call the leases of a pattern. */
export interface LeaseRule {
  readonly pattern: string;
  readonly principals: readonly string[];
}

/** As in yaml.ts. */
const forbidden = '__proto__';

/**
 * Splits at the first equals sign; undefined if a side is empty. Names of leases that contain one
 * can only be written in a file.
 */
export function parseLeaseRule(text: string): { readonly pattern: string; readonly principal: string } | undefined {
  const equals = text.indexOf('=');
  const [pattern, principal] = [text.slice(0, Math.max(0, equals)).trim(), text.slice(equals + 1).trim()];
  return pattern === '' || principal === '' || pattern === forbidden ? undefined : { pattern, principal };
}

/** Rules of the same lease become one, with the principals of all of them. */
export function gathered(
  rules: Iterable<{ readonly pattern: string; readonly principal: string }>,
): readonly LeaseRule[] {
  const byLease = new Map<string, { readonly pattern: string; readonly principals: Set<string> }>();
  for (const { pattern, principal } of rules) {
    const key = leaseKey(pattern);
    const rule = byLease.get(key) ?? { pattern, principals: new Set() };
    byLease.set(key, rule);
    rule.principals.add(principal);
  }
  return Array.from(byLease.values(), ({ pattern, principals }) => ({ pattern, principals: [...principals] }));
}
