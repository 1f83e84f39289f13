// Owns a gateway in this process for `start` and `dev`: one transport for each relay, a listener, and their end.
import { isIPv6 } from 'node:net';
import { createGateway } from '../gateway.ts';
import type { Credential, RelayClientEvent } from '../portal/index.ts';
import { createV1Transport } from '../upstream/v1-transport.ts';
import { listenFault } from './fault.ts';
import { policyFor } from './policy.ts';

export interface GatewaySettings {
  readonly host: string;
  readonly port: number;
  readonly relayUrls: readonly string[];
  readonly credential: Credential;
  /** Undefined: nobody may call. */
  readonly apiKey: string | undefined;
  /** How long requests in flight may take when it stops. */
  readonly drainMs: number;
  readonly log?: (event: RelayClientEvent) => void;
}

export interface RunningGateway {
  readonly url: string;
  /** Resolves once a relay is connected. */
  ready(signal: AbortSignal): Promise<void>;
}

/** Listens when this resolves, and drains when `parts` are disposed of. */
export async function runGateway(parts: AsyncDisposableStack, settings: GatewaySettings): Promise<RunningGateway> {
  const { host, port, relayUrls, credential, apiKey, drainMs, log } = settings;
  const transports = relayUrls.map((url) => createV1Transport({ url, credential, ...(log !== undefined && { log }) }));
  const gateway = createGateway({ host, port, policy: policyFor(apiKey), transports });
  parts.defer(() => gateway.drain(drainMs));
  try {
    const { port: actualPort } = await gateway.listen();
    return {
      url: `http://${isIPv6(host) ? `[${host}]` : host}:${actualPort}`,
      ready: (signal) => Promise.any(transports.map((transport) => transport.ready(signal))),
    };
  } catch (error) {
    throw listenFault(error, 'the gateway', host, port);
  }
}
