// Owns the answers to lease updates and deletes: whose signature it is, and what the table says. Knows no stream.
//
// Freshness: as on real relays, the timestamp of a request is not checked. Apps whose clock is off would be locked out, and it
// would protect nothing that the expiry does not: the expiry is signed too, a lease that has expired is refused, so a recorded
// update is of use for as long as the app asked for, 30 s by convention. What a thief gains in that time is to be dialled and
// to fail the handshake. A recorded delete is of no use to anybody but the connection that holds the lease.
import { PortalError } from '../portal/errors.ts';
import { validateIdentity, verify } from '../portal/identity.ts';
import { ResponseCode } from '../portal/packets/packets.ts';
import type { Packet } from '../portal/packets/packets.ts';
import type { SignedPayload } from '../portal/packets/signed-payload.ts';
import type { WireIdentity } from '../portal/packets/wire-types.ts';
import type { RegisterOutcome } from './lease-table.ts';
import type { Peer, RelayContext } from './relay-context.ts';

type LeaseUpdateRequest = Packet & { readonly type: 'leaseUpdateRequest' };
type LeaseDeleteRequest = Packet & { readonly type: 'leaseDeleteRequest' };

/** Real relays send REJECTED for everything; apps take any code but ACCEPTED for a refusal, and show it. */
const codeOf: Readonly<Record<RegisterOutcome, number>> = {
  registered: ResponseCode.ACCEPTED,
  renewed: ResponseCode.ACCEPTED,
  expired: ResponseCode.INVALID_EXPIRES,
  bad_name: ResponseCode.INVALID_NAME,
  bad_alpn: ResponseCode.INVALID_ALPN,
  metadata_too_large: ResponseCode.REJECTED,
  name_taken: ResponseCode.REJECTED,
  too_many_leases: ResponseCode.REJECTED,
};

export function updateLease({ signed, request }: LeaseUpdateRequest, holder: Peer, relay: RelayContext): number {
  const { lease } = request;
  if (lease === undefined || !isProven(lease.identity, signed)) {
    refused(lease?.identity, 'identity_or_signature', holder, relay);
    return ResponseCode.INVALID_IDENTITY;
  }
  const { id } = lease.identity;
  const outcome = relay.leases.register(id, lease, holder, holder.account.address);
  if (outcome === 'registered')
    relay.log({ event: 'lease_registered', connection: holder.number, leaseId: id, name: lease.name });
  else if (outcome !== 'renewed') refused(lease.identity, outcome, holder, relay);
  return codeOf[outcome];
}

export function deleteLease({ signed, request }: LeaseDeleteRequest, holder: Peer, relay: RelayContext): number {
  const { identity } = request;
  const isDeleted = isProven(identity, signed) && relay.leases.delete(identity.id, holder);
  return isDeleted ? ResponseCode.ACCEPTED : ResponseCode.INVALID_IDENTITY;
}

function isProven(identity: WireIdentity | undefined, signed: SignedPayload): identity is WireIdentity {
  return isValid(identity) && verify(identity, signed.data, signed.signature);
}

/** An id that derives from its key; nothing is proven by it. */
export function isValid(identity: WireIdentity | undefined): identity is WireIdentity {
  if (identity === undefined) return false;
  try {
    validateIdentity(identity);
    return true;
  } catch (error) {
    if (error instanceof PortalError) return false;
    throw error;
  }
}

function refused(identity: WireIdentity | undefined, reason: string, holder: Peer, relay: RelayContext): void {
  relay.log({ event: 'lease_refused', connection: holder.number, leaseId: identity?.id ?? '', reason });
}
