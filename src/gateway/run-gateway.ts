// Assembles a gateway in this process for `start` and `dev`: one transport for each relay, the
// listeners, and their shutdown.
import packageJson from '../../package.json' with { type: 'json' };
import type { KeyDigests } from '../auth/key-digests.ts';
import type { KeySource } from '../auth/key-source.ts';
import type { Config, RelayConfig } from '../config/load/config.ts';
import { policySteps } from '../config/load/to-policy.ts';
import { createGateway } from './gateway.ts';
import { QuotaLedger } from '../limits/quotas/quota-ledger.ts';
import type { SharedLimiter } from '../limits/shared-limiter.ts';
import { systemClock } from '../kernel/clock.ts';
import { urlHost } from '../kernel/net/ip.ts';
import { InTurn } from '../kernel/work/in-turn.ts';
import { Slices } from '../kernel/work/slices.ts';
import type { GatewayStatus } from '../kernel/http/status.ts';
import { ignore } from '../kernel/ignore.ts';
import { createMetrics, type Metrics } from '../observe/metrics/metrics.ts';
import { type Credential, WindowBudget } from '../portal/index.ts';
import type { Policy } from '../policy/policy.ts';
import { createTransport } from '../upstream/create-transport.ts';
import type { TransportOptions } from '../upstream/transport.ts';
import { listenError } from './start-error.ts';
import type { LeaseNames } from './lease-names.ts';
import type { KeptQuotas } from './kept-quotas.ts';
import type { SigningKeys } from './kept-signing-keys.ts';
import { limitStoreOf } from './limit-stores/limit-stores.ts';
import { readAuthorities, readTlsSettings } from './tls-settings.ts';

export interface GatewaySettings {
  readonly config: Config;
  readonly credential: Credential;
  /** Absent: quota usage is kept in memory only. */
  readonly quotas?: KeptQuotas;
  /** Keys in addition to those of the configuration. The caller closes it. */
  readonly keys?: KeySource | undefined;
  /**
   * Recognises keys that were verified before. Absent: in memory only. The caller persists them.
   */
  readonly keyDigests?: KeyDigests;
  /** Absent: the lease ids of names are kept in memory only. */
  readonly names?: LeaseNames;
  /** Data for /health/details. */
  readonly details?: () => object;
  /** The signing keys of assertions; absent: assertions are not available. The caller closes it. */
  readonly signing?: SigningKeys;
}

export interface RunningGateway {
  readonly url: string;
  /** Resolves once a relay is connected. */
  ready(signal: AbortSignal): Promise<void>;
  /**
   * Applies the settings that need no restart to requests that begin after this resolves. Rejects
   * with TlsSettingsError when the certificates cannot be served, and then changes nothing.
   */
  apply(config: Config): Promise<void>;
  /**
   * Call when the key source has changed. Resolves when new requests are checked against the new
   * keys.
   */
  readonly keysChanged: () => Promise<void>;
  /** The maximum duration of a drain. */
  drainMs(): number;
}

/**
 * Listens when this resolves, and drains when `parts` are disposed of. Also rejects with
 * TlsSettingsError.
 */
export async function runGateway(parts: AsyncDisposableStack, settings: GatewaySettings): Promise<RunningGateway> {
  const { config } = settings;
  const { host, port, maxHeaderBytes, proxyProtocol } = config.gateway;
  let current = config;
  const policyOf = (wanted: Config): Promise<Policy> =>
    new Slices().run(policySteps(wanted, settings.keys?.keys ?? []));
  // Configuration and keys change independently, and each policy is built from both.
  const applying = new InTurn();
  const windowBudget = new WindowBudget(config.portal.windowBudgetBytes);
  const relays = await Promise.all(config.portal.relays.map((relay) => clientOptions(relay, settings, windowBudget)));
  const tls = await readTlsSettings(config);
  const { signing } = settings;
  await signing?.prepare(config);
  // Connect to relays only after listening succeeds, so that a port in use ends the start first.
  const listening = Promise.withResolvers<undefined>();
  const transports = relays.map((relay) => createTransport({ ...relay, connectWhen: listening.promise }));
  // The gateway closes the transports, but creating it may fail.
  parts.defer(() => Promise.all(transports.map((transport) => transport.close())).then(ignore));
  const ledger = settings.quotas?.ledger ?? new QuotaLedger({ clock: systemClock });
  const limits = await sharedLimits(parts, config, ledger);
  const status = (): GatewayStatus => ({ ...gateway.status(), limitsShared: limits?.shared() });
  const { version } = packageJson;
  let metrics: Metrics | undefined;
  const count = (enabled: boolean): void => {
    if (!enabled) metrics?.close();
    metrics = enabled ? (metrics ?? createMetrics({ version, status })) : undefined;
  };
  count(config.metrics.enabled);
  parts.defer(() => {
    count(false);
  });
  const gateway = createGateway({
    host,
    port,
    ...(config.admin.port !== 0 && { admin: { port: config.admin.port } }),
    maxHeaderBytes,
    proxyProtocol,
    ...(tls !== undefined && { tls }),
    version,
    metrics: () => metrics?.text() ?? nothingCounted,
    policy: await policyOf(config),
    signingKeys: signing && (() => signing.keys),
    transports,
    details: settings.details,
    quotas: ledger,
    keyDigests: settings.keyDigests,
    ...(settings.names !== undefined && { nameBindings: settings.names.bindings }),
    keyUsed: settings.keys && ((id, wallMs) => settings.keys?.used(id, wallMs)),
    ...(limits !== undefined && { limiter: limits.limiter }),
  });
  parts.defer(() => gateway.drain(current.gateway.shutdownGraceMs, current.gateway.drainDelayMs));
  try {
    const { port: actualPort } = await gateway.listen();
    listening.resolve(undefined);
    return {
      url: `${tls === undefined ? 'http' : 'https'}://${urlHost(host)}:${actualPort}`,
      ready: (signal) => Promise.any(transports.map((transport) => transport.ready(signal))),
      apply: (next) =>
        applying.run(async () => {
          const certificates = await readTlsSettings(next);
          // Load quota usage before the first request is charged.
          await settings.quotas?.apply(next);
          await signing?.prepare(next);
          const applyNames = await settings.names?.prepare(next);
          await gateway.apply(await policyOf(next), certificates);
          applyNames?.();
          current = next;
          count(next.metrics.enabled);
        }),
      keysChanged: () => applying.run(async () => gateway.apply(await policyOf(current))),
      drainMs: () => current.gateway.drainDelayMs + current.gateway.shutdownGraceMs,
    };
  } catch (error) {
    if (isAbout(error, config.admin.port))
      throw listenError(error, 'the admin listener', host, config.admin.port, 'admin.port');
    throw listenError(error, 'the gateway', host, port);
  }
}

/**
 * Closed after the requests in flight, which are charged until they end. Changing the store needs a
 * restart.
 */
async function sharedLimits(
  parts: AsyncDisposableStack,
  config: Config,
  ledger: QuotaLedger,
): Promise<SharedLimiter | undefined> {
  const limits = await limitStoreOf(config).limiter(config, ledger);
  parts.defer(() => {
    limits?.close();
  });
  return limits;
}

/** For a scrape during the reload that turns metrics off. */
const nothingCounted = Promise.resolve({ contentType: 'text/plain; charset=utf-8', body: '' });

/** Node's errors of listen() have the port. */
function isAbout(error: unknown, port: number): boolean {
  return port !== 0 && error instanceof Error && 'port' in error && error.port === port;
}

async function clientOptions(
  relay: RelayConfig,
  settings: GatewaySettings,
  windowBudget: WindowBudget,
): Promise<TransportOptions> {
  const { credential } = settings;
  const { keepaliveIntervalMs, keepaliveTimeoutMs, reconnect, maxWindowBytes } = settings.config.portal;
  return {
    url: relay.url,
    credential,
    keepalive: { intervalMs: keepaliveIntervalMs, timeoutMs: keepaliveTimeoutMs },
    reconnect,
    maxWindowBytes,
    windowBudget,
    ...(relay.caFile !== '' && { ca: await readAuthorities('portal.relays[].ca_file', relay.caFile) }),
  };
}
