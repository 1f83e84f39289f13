// Publishes one local app on several relays: every tunnel of every relay goes to one bridge.
// Reconnecting is done by the relay client.
import type { Credential } from '../portal/identity.ts';
import type { RelayClient } from '../portal/relay-client.ts';
import type { Bridge } from './bridge.ts';

export interface PublishedApp {
  readonly name: string;
  /** The lease id is this credential's id. */
  readonly credential: Credential;
  /** Relays show it to everyone who lists leases. */
  readonly description?: string;
  /** Ids of the only clients that may connect. Empty: everyone. */
  readonly allowClients: readonly string[];
}

export interface PublishSignals {
  /** Ends publishing at once. */
  readonly signal: AbortSignal;
  /**
   * Stops renewing the lease. Publishing ends on each relay when another process holds the lease,
   * or after about one renewal interval.
   */
  readonly handOver?: AbortSignal;
}

/**
 * Publishes until one of the signals ends it on every relay. The caller keeps ownership of the
 * relay clients and the bridge.
 */
export async function publish(
  app: PublishedApp,
  relays: readonly RelayClient[],
  bridge: Bridge,
  signals: PublishSignals,
): Promise<void> {
  const allowed = new Set(app.allowClients);
  const offer = {
    name: app.name,
    credential: app.credential,
    alpn: ['http/1.1'],
    ...(app.description !== undefined && {
      metadata: JSON.stringify({ description: app.description }),
    }),
    ...(allowed.size > 0 && { allowClient: (clientId: string) => allowed.has(clientId) }),
    ...signals,
  };
  await Promise.all(
    relays.map(async (relay) => {
      for await (const tunnel of relay.listenPipes(offer)) bridge.accept(tunnel);
    }),
  );
}
