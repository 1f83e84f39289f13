// The relay client of Portal v1 as a Transport.
import { clockCompared, relayChanged } from '../kernel/events.ts';
import { RelayClient, type RelayClientOptions } from '../portal/relay-client.ts';
import type { RelayClientEvent } from '../portal/relay-client-event.ts';
import type { Lease, Transport, Tunnel } from './transport.ts';

export interface V1Transport extends Transport {
  /**
   * Resolves once the relay is connected. Throws the reason of `signal`, or PortalError
   * session_closed after close().
   */
  ready(signal: AbortSignal): Promise<void>;
}

/** Starts to connect at once, or when `connectWhen` resolves, and keeps trying until close(). */
export function createV1Transport(options: RelayClientOptions): V1Transport {
  const client = new RelayClient({
    ...options,
    log: (event) => {
      tell(event);
      options.log?.(event);
    },
  });
  return {
    relay: client.url,
    state: () => client.state(),
    get rttMs() {
      return client.rttMs;
    },
    list: async (signal, options): Promise<readonly Lease[]> => {
      // The gateway does not use metadata, which is nearly all of a large list.
      const info = await client.info(signal, { ...options, metadata: 'drop' });
      options?.ignored(info.ignored);
      return info.leases;
    },
    dial: (lease, dialOptions): Promise<Tunnel> => client.dialPipe(lease.id, dialOptions),
    ready: (signal) => client.ready(signal),
    close: () => client.close(),
  };
}

function tell(event: RelayClientEvent): void {
  const { type, relay } = event;
  switch (type) {
    case 'up':
      relayChanged.publish({ event: 'connected', relay });
      break;
    case 'down':
      relayChanged.publish({ event: 'lost', relay, code: event.error.code, reason: event.error.message });
      break;
    case 'attempt_failed': {
      const { error, retryInMs } = event;
      relayChanged.publish({ event: 'attempt_failed', relay, code: error.code, reason: error.message, retryInMs });
      break;
    }
    case 'clock_measured':
      clockCompared.publish({ relay, leaseId: undefined, skewSeconds: event.skewMs / 1_000 });
      break;
    case 'published':
    case 'publish_failed':
    case 'lease_contested':
    case 'client_refused':
      // A gateway publishes nothing.
      break;
  }
}
