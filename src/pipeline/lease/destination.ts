// Makes the destination of a request from the lease that its name resolved to: the names that its
// pins leave it, and what the policy sets for it.
import { effectiveTimeouts } from '../../policy/effective-timeouts.ts';
import { leasePins } from '../../policy/lease-pins.ts';
import { leaseSettings } from '../../policy/lease-settings.ts';
import type { Found } from '../../route/lease-index.ts';
import type { Lease, Transport } from '../../upstream/transport.ts';
import type { Destination, Exchange } from '../stage.ts';

type Names = Pick<Found<Lease, Transport>, 'names' | 'claims'>;

/**
 * A pinned name resolves to its one id only, whatever a relay lists. Undefined: this is another
 * lease.
 */
export function rightfulNames(
  exchange: Exchange,
  { lease, names, claims }: Found<Lease, Transport>,
): Names | undefined {
  const pins = leasePins(exchange.policy);
  const claimed = pins.namesOf(lease.id, claims);
  if (claimed === undefined || claims === names) return claimed && { names: claimed, claims: claimed };
  return { names: pins.namesOf(lease.id, names) ?? [], claims: claimed };
}

/**
 * `waited`: whether the request waited for the relays. Undefined: the lease cannot be called by
 * this name, or does not offer HTTP/1.1.
 */
export function destinationOf(
  exchange: Exchange,
  found: Found<Lease, Transport>,
  waited: boolean,
): Destination | undefined {
  const { policy, route, authority = '' } = exchange;
  const { lease, sources, host } = found;
  const names = rightfulNames(exchange, found);
  if (names === undefined || !lease.alpn.includes('http/1.1')) return undefined;
  const settings = leaseSettings(policy).find(lease.id, lease.name);
  // In host mode the app gets the host that the client used, in path mode its own.
  const usual = route?.kind === 'host' ? authority : host;
  return {
    lease,
    ...names,
    transports: sources,
    host: settings === undefined || settings.hostHeader === '' ? usual : settings.hostHeader,
    settings,
    timeouts: effectiveTimeouts(policy, lease.id, lease.name, route?.target ?? '/'),
    waited,
  };
}
