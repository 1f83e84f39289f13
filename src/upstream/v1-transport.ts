// The relay client of Portal v1 as a Transport.
import { clockCompared, relayChanged } from '../kernel/events.ts';
import { RelayClient } from '../portal/relay-client.ts';
import type { RelayClientEvent } from '../portal/relay-client-event.ts';
import type { Lease, Transport, TransportOptions, Tunnel } from './transport.ts';

/** As createTransport(). */
export function createV1Transport(options: TransportOptions): Transport {
  const client = new RelayClient({
    ...options,
    log: (event) => {
      publish(event);
      options.log?.(event);
    },
  });
  return {
    relay: client.url,
    state: () => client.state(),
    outage: () => client.outage(),
    get rttMs() {
      return client.rttMs;
    },
    list: async (signal, { ignored, metadata = 'drop', ...limits } = {}): Promise<readonly Lease[]> => {
      const info = await client.info(signal, { ...limits, metadata });
      ignored?.(info.ignored);
      return info.leases;
    },
    dial: (lease, dialOptions): Promise<Tunnel> => client.dialPipe(lease.id, dialOptions),
    ready: (signal) => client.ready(signal),
    close: () => client.close(),
  };
}

function publish(event: RelayClientEvent): void {
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
