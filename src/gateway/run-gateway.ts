// Owns a gateway in this process for `start` and `dev`: one transport for each relay, a listener, and their end.
import { isIPv6 } from 'node:net';
import packageJson from '../../package.json' with { type: 'json' };
import type { KeyDigests } from '../auth/key-digests.ts';
import type { KeySource } from '../auth/key-source.ts';
import type { Config, RelayConfig } from '../config/load/config.ts';
import { policySteps } from '../config/load/policy.ts';
import { createGateway } from './gateway.ts';
import { QuotaLedger } from '../limits/quotas/quota-ledger.ts';
import { createSharedLimiter, type SharedLimiter } from '../limits/shared-limiter.ts';
import { systemClock } from '../kernel/clock.ts';
import { InTurn } from '../kernel/work/in-turn.ts';
import { Slices } from '../kernel/work/slices.ts';
import type { GatewayStatus } from '../kernel/http/status.ts';
import { createMetrics, type Metrics } from '../observe/metrics/metrics.ts';
import { type Credential, type RelayClientOptions, WindowBudget } from '../portal/index.ts';
import type { Policy } from '../policy/policy.ts';
import { createV1Transport } from '../upstream/v1-transport.ts';
import { listenError } from './start-error.ts';
import type { LeaseNames } from './lease-names.ts';
import type { KeptQuotas } from './kept-quotas.ts';
import type { SigningKeys } from './signing-keys.ts';
import { readAuthorities, readRedisPlace, readTlsSettings } from './tls-settings.ts';

export interface GatewaySettings {
  readonly config: Config;
  readonly credential: Credential;
  /** Absent: what keys use of their quotas ends with the process. */
  readonly quotas?: KeptQuotas;
  /** More keys than those of the configuration. The caller's to close. */
  readonly keys?: KeySource | undefined;
  /** Recognises keys that verified before. Absent: until the process ends. The caller's to persist. */
  readonly keyDigests?: KeyDigests;
  /** Absent: which lease id has which name ends with the process. */
  readonly names?: LeaseNames;
  /** For /health/details. */
  readonly details?: () => object;
  /** Of assertions; without them there are none. The caller's to close. */
  readonly signing?: SigningKeys;
}

export interface RunningGateway {
  readonly url: string;
  /** Resolves once a relay is connected. */
  ready(signal: AbortSignal): Promise<void>;
  /**
   * What can change without a restart does, for requests that begin from now on. Rejects with TlsSettingsError when the certificates
   * can't be served, and then nothing has changed.
   */
  apply(config: Config): Promise<void>;
  /** The source of more keys has others now. Resolves when requests that begin from now on are checked against them. */
  readonly keysChanged: () => Promise<void>;
  /** How long a drain takes at most. */
  drainMs(): number;
}

/** Listens when this resolves, and drains when `parts` are disposed of. Rejects with TlsSettingsError, too. */
export async function runGateway(parts: AsyncDisposableStack, settings: GatewaySettings): Promise<RunningGateway> {
  const { config } = settings;
  const { host, port, maxHeaderBytes, proxyProtocol } = config.gateway;
  let current = config;
  const policyOf = (wanted: Config): Promise<Policy> =>
    new Slices().run(policySteps(wanted, settings.keys?.keys ?? []));
  // Configuration and keys change by themselves, and each policy is made of both.
  const applying = new InTurn();
  const windowBudget = new WindowBudget(config.portal.windowBudgetBytes);
  const relays = await Promise.all(config.portal.relays.map((relay) => clientOptions(relay, settings, windowBudget)));
  const tls = await readTlsSettings(config);
  const { signing } = settings;
  await signing?.prepare(config);
  // A port that is in use ends the start before a relay is asked and logged.
  const listening = Promise.withResolvers<undefined>();
  const transports = relays.map((relay) => createV1Transport({ ...relay, connectWhen: listening.promise }));
  // The gateway closes them; but perhaps there will be none.
  parts.defer(() => Promise.all(transports.map((transport) => transport.close())).then(() => undefined));
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
      url: `${tls === undefined ? 'http' : 'https'}://${isIPv6(host) ? `[${host}]` : host}:${actualPort}`,
      ready: (signal) => Promise.any(transports.map((transport) => transport.ready(signal))),
      apply: (next) =>
        applying.run(async () => {
          const certificates = await readTlsSettings(next);
          // Quota usage must be known before the first request counts against it.
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

/** Closed after the requests in flight: they are charged to the end. Which store it is changes with a restart only. */
async function sharedLimits(
  parts: AsyncDisposableStack,
  config: Config,
  ledger: QuotaLedger,
): Promise<SharedLimiter | undefined> {
  if (config.rateLimit.storage.type === 'memory') return undefined;
  const limits = createSharedLimiter({ place: await readRedisPlace(config), ledger, clock: systemClock });
  parts.defer(() => {
    limits.close();
  });
  return limits;
}

/** For a scrape that crosses the reload which turns metrics off. */
const nothingCounted = Promise.resolve({ contentType: 'text/plain; charset=utf-8', body: '' });

/** Node's error of listen() names the port. */
function isAbout(error: unknown, port: number): boolean {
  return port !== 0 && error instanceof Error && 'port' in error && error.port === port;
}

async function clientOptions(
  relay: RelayConfig,
  settings: GatewaySettings,
  windowBudget: WindowBudget,
): Promise<RelayClientOptions> {
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
