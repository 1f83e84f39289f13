// Owns what the gateway sees of a Portal v1 relay: the relay client, as a Transport.
import { RelayClient, type RelayClientOptions } from '../portal/relay-client.ts';
import type { Lease, Transport, Tunnel } from './transport.ts';

export interface V1Transport extends Transport {
  /** Resolves once the relay is connected. Throws what `signal` was aborted with, or PortalError session_closed after close(). */
  ready(signal: AbortSignal): Promise<void>;
}

/** Begins to connect at once, and keeps trying until close(). */
export function createV1Transport(options: RelayClientOptions): V1Transport {
  const client = new RelayClient(options);
  return {
    relay: client.url,
    state: () => client.state(),
    list: async (signal): Promise<readonly Lease[]> => (await client.info(signal)).leases,
    dial: (lease, dialOptions): Promise<Tunnel> => client.dial(lease.id, dialOptions),
    ready: (signal) => client.ready(signal),
    close: () => client.close(),
  };
}
