// Fetches the lease list of a relay for a command.
import { connect, createCredential, type RelayInfo } from '../../portal/index.ts';
import type { CliContext } from '../context.ts';
import { CliFault } from '../fault.ts';
import { atRelay, trusted } from './relay-trust.ts';

/** A large list takes several round trips, and a frozen relay sends nothing. */
const listTimeoutMs = 30_000;

export interface RelayOptions {
  readonly relay?: string;
  readonly caFile?: string;
}

export async function listedLeases(
  { relay, caFile }: RelayOptions,
  { environment, signal }: CliContext,
): Promise<RelayInfo & { readonly relay: string }> {
  const url = relay ?? environment().relayUrl;
  const trust = await trusted(caFile, [url]);
  // Opens no tunnel to an app, so any credential will do.
  const session = await connect(url, { credential: createCredential(), signal, ...trust });
  const timeout = AbortSignal.timeout(listTimeoutMs);
  try {
    return { ...(await session.info(AbortSignal.any([signal, timeout]))), relay: url };
  } catch (error) {
    if (!timeout.aborted) throw atRelay(url, error);
    throw new CliFault(`the relay ${url} did not list its leases within ${listTimeoutMs / 1000} s; is it frozen?`);
  } finally {
    await session.close();
  }
}
