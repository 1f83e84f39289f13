// The transports of a gateway: one for each relay of the configuration.
import type { Config, RelayConfig } from '../config/load/config.ts';
import { type Credential, WindowBudget } from '../portal/index.ts';
import { createTransport } from '../upstream/create-transport.ts';
import type { Transport, TransportOptions } from '../upstream/transport.ts';
import { ignore } from '../kernel/ignore.ts';
import { readAuthorities } from './tls-settings.ts';

export interface RelayTransports {
  readonly transports: readonly Transport[];
  /** Lets them connect. Call it after listening, so that a port in use ends the start first. */
  readonly connect: () => void;
}

/** Closed with `parts`. Throws TlsSettingsError for a `ca_file` that cannot be read. */
export async function createRelayTransports(
  parts: AsyncDisposableStack,
  { portal }: Config,
  credential: Credential,
): Promise<RelayTransports> {
  const { promise: connectWhen, resolve } = Promise.withResolvers<undefined>();
  const windowBudget = new WindowBudget(portal.windowBudgetBytes);
  const options = await Promise.all(portal.relays.map((relay) => optionsOf(relay, portal)));
  const transports = options.map((own) => createTransport({ ...own, credential, windowBudget, connectWhen }));
  parts.defer(() => Promise.all(transports.map((transport) => transport.close())).then(ignore));
  return {
    transports,
    connect: () => {
      resolve(undefined);
    },
  };
}

async function optionsOf(
  { url, caFile }: RelayConfig,
  { keepaliveIntervalMs, keepaliveTimeoutMs, reconnect, maxWindowBytes }: Config['portal'],
): Promise<Omit<TransportOptions, 'credential'>> {
  return {
    url,
    keepalive: { intervalMs: keepaliveIntervalMs, timeoutMs: keepaliveTimeoutMs },
    reconnect,
    maxWindowBytes,
    ...(caFile !== '' && { ca: await readAuthorities('portal.relays[].ca_file', caFile) }),
  };
}
