// Owns whether an address may pass: not denied, and among the allowed where there are any. Pure.
import { addressSet } from '../policy/addresses.ts';
import type { IpRulesPolicy } from '../policy/policy.ts';

/** Compiled once; what is no address passes only where no rule is. */
export function addressRules({ allow, deny }: IpRulesPolicy): (ip: string) => boolean {
  if (allow.length === 0 && deny.length === 0) return () => true;
  const [isAllowed, isDenied] = [addressSet(allow), addressSet(deny)];
  return (ip) => !isDenied(ip) && (allow.length === 0 || isAllowed(ip));
}
