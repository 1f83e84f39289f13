// Looks up the destination again after a relay did not know the lease, which happens when an app
// reconnects with a new id. The new lease has rules of its own, so the caller's access is checked
// again.
import type { LeaseLookup } from './lease-lookup.ts';
import type { Destination, Exchange } from '../stage.ts';
import { isLeaseServed } from '../stages/allowed-hosts.ts';
import { destinationOf } from './destination.ts';
import { mayCall } from './lease-access.ts';

/**
 * Undefined when no relay lists such a lease, or the caller may not call the listed one. Never
 * rejects.
 */
export async function findMovedLease(exchange: Exchange, lookup: LeaseLookup): Promise<Destination | undefined> {
  const result = await lookup.findAgain(exchange, exchange.destination?.lease.id ?? '');
  if (result.kind !== 'found') return undefined;
  const destination = destinationOf(exchange, result.found, true);
  if (destination === undefined || !mayCall(exchange, destination)) return undefined;
  return isLeaseServed(exchange, destination) ? destination : undefined;
}
