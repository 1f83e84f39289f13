// Owns a gateway in this process for `start` and `dev`: one transport for each relay, a listener, and their end.
import { readFile } from 'node:fs/promises';
import { isIPv6 } from 'node:net';
import packageJson from '../../package.json' with { type: 'json' };
import type { Config, RelayConfig } from '../config/config.ts';
import { policyOf } from '../config/policy.ts';
import { createGateway } from '../gateway.ts';
import type { Credential, RelayClientEvent, RelayClientOptions } from '../portal/index.ts';
import { createV1Transport } from '../upstream/v1-transport.ts';
import { listenFault } from './fault.ts';

export interface GatewaySettings {
  readonly config: Config;
  readonly credential: Credential;
  readonly log?: (event: RelayClientEvent) => void;
}

export interface RunningGateway {
  readonly url: string;
  /** Resolves once a relay is connected. */
  ready(signal: AbortSignal): Promise<void>;
  /** What can change without a restart does, for requests that begin from now on. */
  apply(config: Config): void;
}

/** Listens when this resolves, and drains when `parts` are disposed of. */
export async function runGateway(parts: AsyncDisposableStack, settings: GatewaySettings): Promise<RunningGateway> {
  const { config } = settings;
  const { host, port, maxHeaderBytes, proxyProtocol } = config.gateway;
  let { shutdownGraceMs } = config.gateway;
  const relays = await Promise.all(config.portal.relays.map((relay) => clientOptions(relay, settings)));
  const transports = relays.map(createV1Transport);
  const gateway = createGateway({
    host,
    port,
    ...(config.admin.port !== 0 && { admin: { port: config.admin.port } }),
    maxHeaderBytes,
    proxyProtocol,
    version: packageJson.version,
    policy: policyOf(config),
    transports,
  });
  parts.defer(() => gateway.drain(shutdownGraceMs));
  try {
    const { port: actualPort } = await gateway.listen();
    return {
      url: `http://${isIPv6(host) ? `[${host}]` : host}:${actualPort}`,
      ready: (signal) => Promise.any(transports.map((transport) => transport.ready(signal))),
      apply: (next) => {
        ({ shutdownGraceMs } = next.gateway);
        gateway.apply(policyOf(next));
      },
    };
  } catch (error) {
    if (isAbout(error, config.admin.port))
      throw listenFault(error, 'the admin listener', host, config.admin.port, 'admin.port');
    throw listenFault(error, 'the gateway', host, port);
  }
}

/** Node's error of listen() names the port. */
function isAbout(error: unknown, port: number): boolean {
  return port !== 0 && error instanceof Error && 'port' in error && error.port === port;
}

async function clientOptions(relay: RelayConfig, settings: GatewaySettings): Promise<RelayClientOptions> {
  const { credential, log } = settings;
  const { keepaliveIntervalMs, keepaliveTimeoutMs, reconnect } = settings.config.portal;
  return {
    url: relay.url,
    credential,
    keepalive: { intervalMs: keepaliveIntervalMs, timeoutMs: keepaliveTimeoutMs },
    reconnect,
    ...(relay.caFile !== '' && { ca: await readFile(relay.caFile, 'utf8') }),
    ...(log !== undefined && { log }),
  };
}
