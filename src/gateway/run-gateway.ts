// Assembles a gateway in this process for `start` and `dev`: one transport for each relay, the
// listeners, and their shutdown.
import packageJson from '../../package.json' with { type: 'json' };
import type { BrowserSessions } from '../auth/browser-sessions.ts';
import type { KeyDigests } from '../auth/key-digests.ts';
import type { KeySource } from '../auth/key-source.ts';
import type { Config } from '../config/load/config.ts';
import { policySteps } from '../config/load/to-policy.ts';
import { createGateway, type Gateway, type GatewayOptions } from './gateway.ts';
import { QuotaLedger } from '../limits/quotas/quota-ledger.ts';
import type { SharedLimiter } from '../limits/shared-limiter.ts';
import { systemClock } from '../kernel/clock.ts';
import { urlHost } from '../kernel/net/ip.ts';
import { InTurn } from '../kernel/work/in-turn.ts';
import { Slices } from '../kernel/work/slices.ts';
import type { Credential } from '../portal/index.ts';
import type { Policy } from '../policy/policy.ts';
import { listenError } from './start-error.ts';
import type { LeaseNames } from './lease-names.ts';
import type { KeptQuotas } from './state/kept-quotas.ts';
import type { SigningKeys } from './state/kept-signing-keys.ts';
import { limitStoreOf } from './limit-stores/limit-stores.ts';
import { createRelayTransports } from './relay-transports.ts';
import { SwitchedMetrics } from './switched-metrics.ts';
import { readTlsSettings } from './tls-settings.ts';

const { version } = packageJson;

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
  /** Browser sessions, for `dev` alone. */
  readonly sessions?: BrowserSessions;
  /** Data for /health/details. */
  readonly details?: () => object;
  /** The signing keys of assertions; absent: assertions are not available. The caller closes it. */
  readonly signing?: SigningKeys;
}

export interface RunningGateway {
  readonly url: string;
  /** Of the admin listener; undefined without `admin.port`. */
  readonly adminUrl: string | undefined;
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
  const { config, credential, signing, quotas } = settings;
  const { transports, connect } = await createRelayTransports(parts, config, credential);
  const tls = await readTlsSettings(config);
  await signing?.prepare(config);
  const ledger = quotas?.ledger ?? new QuotaLedger({ clock: systemClock });
  const limits = await sharedLimits(parts, config, ledger);
  const metrics = new SwitchedMetrics({
    version,
    status: () => ({ ...gateway.status(), limitsShared: limits?.shared() }),
  });
  metrics.enable(config.metrics.enabled);
  parts.defer(() => {
    metrics.enable(false);
  });
  const gateway = createGateway({
    ...listenersOf(config),
    ...(tls !== undefined && { tls }),
    version,
    metrics: () => metrics.text(),
    policy: await policyOf(config, settings.keys),
    signingKeys: signing && (() => signing.keys),
    transports,
    details: settings.details,
    sessions: settings.sessions,
    quotas: ledger,
    keyDigests: settings.keyDigests,
    ...(settings.names !== undefined && { nameBindings: settings.names.bindings }),
    keyUsed: settings.keys && ((id, wallMs) => settings.keys?.used(id, wallMs)),
    ...(limits !== undefined && { limiter: limits.limiter }),
  });
  const running = new AppliedConfig(settings, gateway, metrics);
  parts.defer(() => gateway.drain(running.config.gateway.shutdownGraceMs, running.config.gateway.drainDelayMs));
  const port = await listen(gateway, config);
  connect();
  const { host } = config.gateway;
  const admin = gateway.adminAddress();
  return {
    url: `${tls === undefined ? 'http' : 'https'}://${urlHost(host)}:${port}`,
    // Never with TLS, always on the address of the gateway.
    adminUrl: admin && `http://${urlHost(host)}:${admin.port}`,
    ready: (signal) => Promise.any(transports.map((transport) => transport.ready(signal))),
    apply: (next) => running.apply(next),
    keysChanged: () => running.keysChanged(),
    drainMs: () => running.config.gateway.drainDelayMs + running.config.gateway.shutdownGraceMs,
  };
}

/** The configuration in use. Reloads of it and of the keys are applied one after the other. */
class AppliedConfig {
  config: Config;
  readonly #settings: GatewaySettings;
  readonly #gateway: Gateway;
  readonly #metrics: SwitchedMetrics;
  // Configuration and keys change independently, and each policy is built from both.
  readonly #applying = new InTurn();

  constructor(settings: GatewaySettings, gateway: Gateway, metrics: SwitchedMetrics) {
    this.config = settings.config;
    this.#settings = settings;
    this.#gateway = gateway;
    this.#metrics = metrics;
  }

  apply(next: Config): Promise<void> {
    const { quotas, signing, names, keys } = this.#settings;
    return this.#applying.run(async () => {
      const certificates = await readTlsSettings(next);
      // Load quota usage before the first request is charged.
      await quotas?.apply(next);
      await signing?.prepare(next);
      const applyNames = await names?.prepare(next);
      await this.#gateway.apply(await policyOf(next, keys), certificates);
      applyNames?.();
      this.config = next;
      this.#metrics.enable(next.metrics.enabled);
    });
  }

  keysChanged(): Promise<void> {
    return this.#applying.run(async () => this.#gateway.apply(await policyOf(this.config, this.#settings.keys)));
  }
}

function policyOf(config: Config, keys: KeySource | undefined): Promise<Policy> {
  return new Slices().run(policySteps(config, keys?.keys ?? []));
}

function listenersOf({
  gateway,
  admin,
}: Config): Pick<GatewayOptions, 'host' | 'port' | 'admin' | 'maxHeaderBytes' | 'proxyProtocol'> {
  const { host, port, maxHeaderBytes, proxyProtocol } = gateway;
  return { host, port, maxHeaderBytes, proxyProtocol, ...(admin.port !== 0 && { admin: { port: admin.port } }) };
}

/** Returns the port. Throws StartError when it cannot listen. */
async function listen(gateway: Gateway, config: Config): Promise<number> {
  const { host, port } = config.gateway;
  try {
    return (await gateway.listen()).port;
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

/** Node's errors of listen() have the port. */
function isAbout(error: unknown, port: number): boolean {
  return port !== 0 && error instanceof Error && 'port' in error && error.port === port;
}
