// Owns how many tokens a request costs: the first rule that fits its lease, path and method, else one. Pure.
import { LeasePatterns } from '../policy/lease-patterns.ts';
import type { CostPolicy } from '../policy/policy.ts';

type Cost = (leaseId: string, leaseName: string, target: string, method: string) => number;

const one: Cost = () => 1;

export function requestCost(rules: readonly CostPolicy[]): Cost {
  if (rules.length === 0) return one;
  const compiled = rules.map((rule) => ({ ...rule, leases: new LeasePatterns([[rule.lease, true as const]]) }));
  return (leaseId, leaseName, target, method) => {
    const query = target.indexOf('?');
    const path = query === -1 ? target : target.slice(0, query);
    const rule = compiled.find(
      (candidate) =>
        (candidate.method === '' || candidate.method === method) &&
        pathFits(candidate.path, path) &&
        candidate.leases.find(leaseId, leaseName) === true,
    );
    return rule?.cost ?? 1;
  };
}

/** `/path`, or `/prefix*`. */
function pathFits(pattern: string, path: string): boolean {
  return pattern.endsWith('*') ? path.startsWith(pattern.slice(0, -1)) : path === pattern;
}
