// Lease rules from outside the file: LEASE_ACL and the flag --allow. For each lease that they name,
// they replace the rule of the file.
import { leaseKey } from '../../kernel/lease-name.ts';
import { shownText } from '../schema/names.ts';
import { gathered, type LeaseRule, parseLeaseRule } from './lease-rule.ts';
import type { Finding, Origin } from './origin.ts';
import { isNothing, mapNode, nodeOf, put, type SourcedMap } from './sourced.ts';

const variable = 'LEASE_ACL';
const section = 'lease_acl';

/** Adds the rules of LEASE_ACL, separated by commas or white space. */
export function addEnvironmentRules(
  root: SourcedMap,
  variables: Readonly<Record<string, string | undefined>>,
): readonly Finding[] {
  const origin: Origin = { kind: 'environment', name: variable };
  const parts = (variables[variable] ?? '').split(/[\s,]+/).filter((part) => part !== '');
  const read = parts.map(ruleIn);
  overrideLeaseRules(root, gathered(read.filter((rule) => typeof rule !== 'string')), origin);
  // One is enough: with another separator, such as a colon, none of the parts is a rule.
  const message = read.find((rule) => typeof rule === 'string');
  return message === undefined ? [] : [{ origin, message }];
}

/**
 * The rule, or what is wrong with the part. No principal has a quote or a semicolon, so a part with
 * one has a mistake around its rules.
 */
function ruleIn(part: string): NonNullable<ReturnType<typeof parseLeaseRule>> | string {
  const rule = parseLeaseRule(part);
  if (/^["']|["']$/.test(part) || (rule !== undefined && /^["']/.test(rule.principal)))
    return `${shownText(part)} has quotes, which are part of the value here: remove them, as in my-app=*`;
  return rule === undefined || rule.principal.includes(';') ? malformed(part) : rule;
}

function malformed(part: string): string {
  return `${shownText(part)} is not LEASE=PRINCIPAL; separate rules by commas or spaces, as in my-app=billing-bot,my-app=reports,public-*=*`;
}

/** The rule of a lease replaces the one that names the same lease, in whatever spelling. */
export function overrideLeaseRules(root: SourcedMap, rules: readonly LeaseRule[], origin: Origin): void {
  if (rules.length === 0) return;
  let acl = root.entries.get(section)?.node;
  if (acl === undefined || isNothing(acl)) {
    acl = mapNode([section], origin);
    put(root, [section], acl);
  }
  // Reported as a fault of the file.
  if (acl.kind !== 'map') return;
  const replaced = new Set(rules.map(({ pattern }) => leaseKey(pattern)));
  for (const name of acl.entries.keys()) if (replaced.has(leaseKey(name))) acl.entries.delete(name);
  for (const { pattern, principals } of rules) {
    acl.entries.set(pattern, { named: origin, node: nodeOf([section, pattern], origin, principals) });
  }
}
