// Fetches the lease list of a relay for a command.
import type { IgnoredCounts } from '../../kernel/lease-admission.ts';
import { connectForLists } from '../../gateway/connect-for-lists.ts';
import type { PortalLease } from '../../portal/index.ts';
import type { CliContext } from '../context.ts';
import { temporaryFault } from '../fault.ts';
import { atRelay, trusted } from './relay-trust.ts';

/** A large list takes several round trips, and a frozen relay sends nothing. */
const listTimeoutMs = 30_000;

export interface RelayOptions {
  readonly relay?: string;
  readonly caFile?: string;
}

export interface ListedLeases {
  readonly relay: string;
  readonly leases: readonly PortalLease[];
  /** Entries of the list that `leases` omits, by reason. */
  readonly ignored: IgnoredCounts;
}

export async function listedLeases(
  { relay, caFile }: RelayOptions,
  { environment, signal }: CliContext,
): Promise<ListedLeases> {
  const url = relay ?? environment().relayUrl;
  const { ca } = await trusted(caFile, [url]);
  const transport = await connectForLists(url, ca, signal);
  const timeout = AbortSignal.timeout(listTimeoutMs);
  let ignored: IgnoredCounts = new Map();
  try {
    const leases = await transport.list(AbortSignal.any([signal, timeout]), {
      metadata: 'keep',
      ignored: (counts) => {
        ignored = counts;
      },
    });
    return { relay: url, leases, ignored };
  } catch (error) {
    if (!timeout.aborted) throw atRelay(url, error);
    throw temporaryFault(
      `the relay ${url} did not list its leases within ${listTimeoutMs / 1000} s; check that it is not frozen or overloaded`,
      'relay_unavailable',
    );
  } finally {
    await transport.close();
  }
}
