// Owns whether an address may pass: not denied, and among the allowed where there are any. Pure.
import { atOnce, type Steps } from '../kernel/work/slices.ts';
import { addressSetSteps } from '../policy/addresses.ts';
import type { IpRulesPolicy } from '../policy/policy.ts';

/** Compiled once; what is no address passes only where no rule is. */
export function addressRules(rules: IpRulesPolicy): (ip: string) => boolean {
  return atOnce(addressRulesSteps(rules));
}

/** The same in steps, of which there are as many as addresses. */
export function* addressRulesSteps({ allow, deny }: IpRulesPolicy): Steps<(ip: string) => boolean> {
  if (allow.length === 0 && deny.length === 0) return () => true;
  const isAllowed = yield* addressSetSteps(allow);
  const isDenied = yield* addressSetSteps(deny);
  return (ip) => !isDenied(ip) && (allow.length === 0 || isAllowed(ip));
}
