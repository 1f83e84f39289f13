// Handles lease updates and deletes: verifies the signature and applies the change to the lease
// table. Does not handle streams.
//
// Time: a lease lasts from the timestamp of the request to the requested expiry, measured on the
// relay's monotonic clock. A timestamp outside the tolerance is rejected, so a recorded update can
// be replayed only within 30 s and for the requested duration. An attacker who replays it receives
// connections but fails the handshake. A recorded delete works only on the connection that holds
// the lease.
import { clockToleranceSeconds } from '../kernel/clock-skew.ts';
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

type Outcome = RegisterOutcome | 'clock_skew';

/**
 * Other relays send REJECTED for every failure; apps treat any code but ACCEPTED as a refusal and
 * show it.
 */
const codeOf: Readonly<Record<Outcome, number>> = {
  clock_skew: ResponseCode.CLOCK_SKEW,
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
  const { timestamp } = request;
  const skewSeconds = Math.floor(relay.clock.wallMs() / 1_000) - Number(timestamp);
  const lastsMs = Number(lease.expires - timestamp) * 1_000;
  const outcome: Outcome =
    Math.abs(skewSeconds) > clockToleranceSeconds
      ? 'clock_skew'
      : relay.leases.register(id, lease, lastsMs, holder, holder.account.address);
  if (outcome === 'registered')
    relay.log({ event: 'lease_registered', connection: holder.number, leaseId: id, name: lease.name });
  else if (outcome === 'clock_skew')
    relay.log({ event: 'lease_refused', connection: holder.number, leaseId: id, reason: outcome, skewSeconds });
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

/** Whether the id derives from the key. This does not prove possession of the key. */
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
