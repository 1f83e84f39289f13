// What the configuration alone knows of the lease that a request names.
import { leaseIdIn } from '../../kernel/lease-name.ts';
import { leasePins } from '../../policy/lease-pins.ts';
import type { Policy } from '../../policy/policy.ts';

/** Undefined: only the relays know. */
export interface PresumedIdentity {
  readonly id: string | undefined;
  readonly name: string | undefined;
}

/** `named`: the name or id in the request. */
export function presumedIdentity(policy: Policy, named: string): PresumedIdentity {
  const pins = leasePins(policy);
  const namedId = leaseIdIn(named);
  return {
    id: namedId ?? pins.idOf(named),
    name: namedId === undefined ? named : pins.namesOf(namedId, [])?.[0],
  };
}
