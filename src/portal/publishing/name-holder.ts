// Finds the lease that holds the name of a rejected lease, in the relay's lease list.
import { foldName } from '../../kernel/lease-name.ts';
import { TimeLimit } from '../../kernel/work/time-limit.ts';
import { PortalError } from '../errors.ts';
import type { LeaseOffer, PortalLease } from '../lease.ts';
import { requestInfo } from '../list-request.ts';
import type { Mux } from '../yamux/mux.ts';

/** Another lease with the name, as listed by the relay: the id is unverified. */
export type NameHolder = Pick<PortalLease, 'id' | 'expiresAtMs'>;

/** Maximum delay that the search adds to the report of a rejection. */
const searchTimeoutMs = 5_000;

export class LeaseRejected extends PortalError {
  /** Undefined: the relay lists no lease with the name, or no list arrived. */
  readonly holder: NameHolder | undefined;

  constructor(message: string, holder: NameHolder | undefined) {
    super('lease_rejected', message);
    this.holder = holder;
  }
}

/** The error for a lease that the relay rejected. Never throws. */
export async function rejection(mux: Mux, { credential, name }: LeaseOffer, stop: AbortSignal): Promise<LeaseRejected> {
  const what = `the relay rejected the lease "${name}"`;
  try {
    using limit = new TimeLimit(searchTimeoutMs);
    const { leases } = await requestInfo(mux, AbortSignal.any([stop, limit.signal]), { metadata: 'drop' });
    const others = leases.filter(({ id }) => id !== credential.id);
    // Other relays compare names exactly, ours compares folded names.
    const folded = foldName(name);
    const holder =
      others.find((lease) => lease.name === name) ?? others.find((lease) => foldName(lease.name) === folded);
    return holder === undefined
      ? new LeaseRejected(`${what}: no other lease has the name, so a limit of the relay is reached`, undefined)
      : new LeaseRejected(`${what}: the lease ${holder.id} holds the name`, holder);
  } catch {
    const message = `${what}: another identity holds the name, or a limit of the relay is reached`;
    return new LeaseRejected(message, undefined);
  }
}
