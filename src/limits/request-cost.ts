// The cost of a request in tokens: that of the first rule that matches its lease, path and method,
// or else 1. Pure.
import { unescape } from 'node:querystring';
import { atOnce, type Steps } from '../kernel/work/slices.ts';
import { LeasePatterns } from '../policy/lease-patterns.ts';
import type { CostPolicy } from '../policy/policy.ts';

/** `leaseNames`: all names of the lease; the name with the highest cost counts. */
export type Cost = (leaseId: string, leaseNames: readonly string[], target: string, method: string) => number;

const one: Cost = () => 1;

export function requestCost(rules: readonly CostPolicy[]): Cost {
  return atOnce(requestCostSteps(rules));
}

/** The same in steps, one per rule. */
export function* requestCostSteps(rules: readonly CostPolicy[]): Steps<Cost> {
  if (rules.length === 0) return one;
  const compiled: (CostPolicy & { readonly leases: LeasePatterns<true> })[] = [];
  for (const rule of rules) {
    compiled.push({ ...rule, leases: new LeasePatterns([[rule.lease, true as const]]) });
    yield;
  }
  return (leaseId, leaseNames, target, method) => {
    const query = target.indexOf('?');
    const path = query === -1 ? target : target.slice(0, query);
    // The app receives the path as it was sent, and most apps decode it: match both spellings, so
    // that neither bypasses a rule, nor does an escape that cannot be decoded.
    const paths = path.includes('%') ? [path, unescape(path)] : [path];
    const fitting = compiled.filter(
      (rule) =>
        (rule.method === '' || rule.method === method) && paths.some((candidate) => pathFits(rule.path, candidate)),
    );
    if (fitting.length === 0) return 1;
    const names = leaseNames.length === 0 ? [''] : leaseNames;
    return Math.max(
      ...names.map((name) => fitting.find(({ leases }) => leases.find(leaseId, name) === true)?.cost ?? 1),
    );
  };
}

/** `/path`, or `/prefix*`. */
function pathFits(pattern: string, path: string): boolean {
  return pattern.endsWith('*') ? path.startsWith(pattern.slice(0, -1)) : path === pattern;
}
