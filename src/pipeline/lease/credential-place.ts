// Decides where the credential of a request is read and whether one is needed, before the caller is
// known. Asks no relay: uses what the directory knows, and an unknown lease never gets the wider
// rule.
import { aclOf } from '../../guard/acl.ts';
import { anonymous } from '../../guard/principal.ts';
import { entriesOf } from '../../kernel/work/large-records.ts';
import { leaseIdIn } from '../../kernel/lease-name.ts';
import type { Steps } from '../../kernel/work/slices.ts';
import { compiledInSteps } from '../../policy/compiled.ts';
import { leasePins } from '../../policy/lease-pins.ts';
import { leaseSettings } from '../../policy/lease-settings.ts';
import type { LeasePolicy, Policy } from '../../policy/policy.ts';
import type { LeaseDirectory } from '../../route/lease-directory.ts';
import type { Lease, Transport } from '../../upstream/transport.ts';
import type { Exchange } from '../stage.ts';
import { presumedIdentity } from './presumed-identity.ts';

export type KnownLeases = Pick<LeaseDirectory<Lease, Transport>, 'known'>;

interface Usage {
  app: boolean;
  /**
   * A lease requested by name may turn out to have a configured id, and one requested by id a
   * configured name.
   */
  gatewayById: boolean;
  gatewayByName: boolean;
}

const usage = compiledInSteps(function* ({ leases }): Steps<Readonly<Usage>> {
  const found: Usage = { app: false, gatewayById: false, gatewayByName: false };
  for (const [pattern, { credentials }] of entriesOf(leases)) {
    if (credentials === 'app') found.app = true;
    else if (leaseIdIn(pattern) === undefined) found.gatewayByName = true;
    else found.gatewayById = true;
    yield;
  }
  return found;
});

/**
 * Where to read the credential before the caller is known. The directory is used only for leases
 * that are open to everyone: for others it would reveal to strangers whether the lease exists.
 */
export function credentialsOf(exchange: Exchange, directory: KnownLeases): LeasePolicy['credentials'] {
  const { policy, route } = exchange;
  if (route === undefined || !usage(policy).app) return 'gateway';
  const lease = knownLease(policy, route.lease, directory);
  if (lease === undefined || !isOpenLease(exchange, directory)) return presumedPlace(exchange);
  return leaseSettings(policy).find(lease.id, lease.name)?.credentials ?? 'gateway';
}

/**
 * Decides by the configuration alone. Where that is not enough, every place is allowed, and
 * `authorise` later rejects a credential in a place that the lease does not accept.
 */
export function presumedPlace({ policy, route }: Exchange): LeasePolicy['credentials'] {
  const { app, gatewayById, gatewayByName } = usage(policy);
  // Without a route the request is for the gateway itself, and no lease settings apply.
  if (!app || route === undefined) return 'gateway';
  const { id, name } = presumedIdentity(policy, route.lease);
  if ((id === undefined && gatewayById) || (name === undefined && gatewayByName)) return 'gateway';
  return leaseSettings(policy).find(id ?? '', name ?? '')?.credentials ?? 'gateway';
}

/** Whether `anonymous` may call the lease. The rules decide again once the lease is resolved. */
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
