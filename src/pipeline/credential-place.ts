// Decides for a lease, before its caller is known, where the credential is read and whether one is needed. Asks no relay: uses what the
// directory knows, and an unknown lease never gets the wider rule.
import { aclOf } from '../guard/acl.ts';
import { anonymous } from '../guard/principal.ts';
import { isLeaseId } from '../kernel/lease-name.ts';
import { compiled } from '../policy/compiled.ts';
import { leasePins } from '../policy/lease-pins.ts';
import { leaseSettings } from '../policy/lease-settings.ts';
import type { LeasePolicy, Policy } from '../policy/policy.ts';
import type { LeaseDirectory } from '../route/lease-directory.ts';
import type { Lease, Transport } from '../upstream/transport.ts';
import type { Exchange } from './stage.ts';

export type KnownLeases = Pick<LeaseDirectory<Lease, Transport>, 'known'>;

const usage = compiled(({ leases }: Policy) => ({
  app: Object.values(leases).some(({ credentials }) => credentials === 'app'),
  /** A lease that is called by its name may turn out to have this id. */
  gatewayById: Object.entries(leases).some(([pattern, lease]) => isLeaseId(pattern) && lease.credentials !== 'app'),
}));

export function credentialsOf({ policy, route }: Exchange, directory: KnownLeases): LeasePolicy['credentials'] {
  const { app, gatewayById } = usage(policy);
  // Without a route the request is for the gateway itself, and no setting of a lease applies.
  if (!app || route === undefined) return 'gateway';
  const named = route.lease;
  const lease = knownLease(policy, named, directory);
  if (lease !== undefined) return leaseSettings(policy).find(lease.id, lease.name)?.credentials ?? 'gateway';
  const byText = leaseSettings(policy).find(named, named)?.credentials ?? 'gateway';
  return gatewayById && !isLeaseId(named) ? 'gateway' : byText;
}

/** Open to `anonymous`. The rules decide again once the lease is resolved. */
export function isOpenLease({ policy, route }: Exchange, directory: KnownLeases): boolean {
  const acl = aclOf(policy);
  if (!acl.admitsAnonymous || route === undefined) return false;
  const named = route.lease;
  const lease = knownLease(policy, named, directory);
  if (lease === undefined) return acl.wouldAllow(named, anonymous);
  return acl.decide({ id: lease.id, names: [lease.name] }, anonymous).allowed;
}

function knownLease(policy: Policy, named: string, directory: KnownLeases): Lease | undefined {
  return directory.known(leasePins(policy).idOf(named) ?? named);
}
