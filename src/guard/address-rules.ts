// Decides whether `ip_rules` admit an address: it is not denied, and it is allowed where there is
// an allow list. Pure.
import { atOnce, type Steps } from '../kernel/work/slices.ts';
import { addressSetSteps } from '../policy/addresses.ts';
import type { IpRulesPolicy } from '../policy/policy.ts';

/** Compiled once. Text that is not an address passes only when there are no rules. */
export function addressRules(rules: IpRulesPolicy): (ip: string) => boolean {
  return atOnce(addressRulesSteps(rules));
}

/** The same in steps, one per configured address. */
export function* addressRulesSteps({ allow, deny }: IpRulesPolicy): Steps<(ip: string) => boolean> {
  if (allow.length === 0 && deny.length === 0) return () => true;
  const isAllowed = yield* addressSetSteps(allow);
  const isDenied = yield* addressSetSteps(deny);
  return (ip) => !isDenied(ip) && (allow.length === 0 || isAllowed(ip));
}
