// All metrics of /metrics: those of requests, relays and the process, and, in this file, of the
// gateway itself. Does not serve them.
import process from 'node:process';
import {
  authenticated,
  configReloaded,
  connectionRefused,
  leaseMoved,
  listen,
  logDropped,
  rateLimited,
  tlsHandshakeFailed,
  type Authenticated,
  type ConfigReloaded,
  type ConnectionRefused,
  type LogDropped,
  type RateLimited,
  type TlsHandshakeFailed,
} from '../../kernel/events.ts';
import type { GatewayStatus } from '../../kernel/http/status.ts';
import { type Clock, systemClock } from '../../kernel/clock.ts';
import { counter, gauge } from './family.ts';
import { LeaseLabels } from './lease-labels.ts';
import { LoopLag } from './loop-lag.ts';
import { processMetrics } from './process-metrics.ts';
import { RelayMetrics } from './relay-metrics.ts';
import { RequestMetrics } from './request-metrics.ts';
import { UsageMetrics } from './usage-metrics.ts';

export interface MetricsOptions {
  readonly clock?: Clock;
  readonly version: string;
  /** Called on each scrape. */
  readonly status: () => GatewayStatus;
}

export interface Metrics {
  text(): Promise<{ readonly contentType: string; readonly body: string }>;
  /** Stops counting. Idempotent. */
  close(): void;
}

/** OpenSSL has hundreds of codes, but few occur. */
const maxCodes = 50;
const contentType = 'text/plain; version=0.0.4; charset=utf-8';

/** Starts counting: requests already in flight are not among the active ones. */
export function createMetrics({ version, status, clock = systemClock }: MetricsOptions): Metrics {
  const leases = new LeaseLabels();
  const requests = new RequestMetrics(leases, clock);
  const relays = new RelayMetrics(leases);
  const usage = new UsageMetrics(leases);
  const gateway = new GatewayMetrics(version);
  return {
    text: async () => {
      const ofProcess = await processMetrics();
      const now = status();
      return { contentType, body: requests.text() + usage.text() + relays.text(now) + gateway.text(now) + ofProcess };
    },
    close: () => {
      for (const part of [requests, usage, relays, gateway]) part.close();
    },
  };
}

class GatewayMetrics {
  readonly #lag = new LoopLag();
  readonly #reloads = counter({
    name: 'config_reloads_total',
    help: 'Configuration reloads, by outcome.',
    labels: ['outcome'],
  });
  readonly #dropped = counter({ name: 'log_dropped_total', help: 'Log lines that were dropped.' });
  readonly #refused = counter({
    name: 'connections_refused_total',
    help: 'Connections closed before a request was read, by reason: the limit reached or the fault.',
    labels: ['reason'],
  });
  readonly #handshakes = counter({
    name: 'tls_handshakes_failed_total',
    help: 'Failed TLS handshakes with clients, by error code.',
    labels: ['code'],
    maxValues: maxCodes,
  });
  readonly #authentications = counter({
    name: 'auth_total',
    help: 'Authentication attempts, by credential type and outcome.',
    labels: ['method', 'outcome'],
  });
  /** Cached, because nearly all authentications have these labels. */
  readonly #letIn = this.#authentications.of('api_key', 'success');
  readonly #rateLimited = counter({
    name: 'rate_limit_rejections_total',
    help: 'Requests rejected by a rate limit, by scope of the limit.',
    labels: ['scope'],
  });
  readonly #moved = counter({
    name: 'lease_id_changes_total',
    help: 'Lease names that a relay began to resolve to another id than before.',
  });
  readonly #redis = gauge({
    name: 'redis_up',
    help: 'With `rate_limit.storage.type: redis`: 1 while rate limits are counted in Redis, 0 while this process counts alone.',
  });
  readonly #lags = gauge({
    name: 'event_loop_lag_seconds',
    help: 'The longest event loop delay since the last scrape.',
  });
  readonly #certificates = gauge({
    name: 'tls_certificate_expiry_timestamp_seconds',
    help: 'Expiry of the certificate, in seconds since the Unix epoch.',
    labels: ['file'],
  });
  readonly #build = gauge({
    name: 'build_info',
    help: 'Version and Node.js release of the running gateway; always 1.',
    labels: ['version', 'node'],
  });
  readonly #ends: readonly (() => void)[];

  constructor(version: string) {
    this.#build.of(version, process.version).value = 1;
    for (const outcome of ['applied', 'rejected']) this.#reloads.of(outcome);
    this.#moved.of();
    this.#ends = [
      listen(authenticated, this.#authenticated),
      listen(configReloaded, this.#reloaded),
      listen(connectionRefused, this.#connectionRefused),
      listen(leaseMoved, this.#leaseMoved),
      listen(logDropped, this.#logDropped),
      listen(rateLimited, this.#refusedByLimit),
      listen(tlsHandshakeFailed, this.#handshakeFailed),
    ];
  }

  close(): void {
    this.#lag.close();
    for (const end of this.#ends) end();
  }

  text({ certificates, limitsShared }: GatewayStatus): string {
    this.#redis.clear();
    if (limitsShared !== undefined) this.#redis.of().value = limitsShared ? 1 : 0;
    this.#certificates.clear();
    for (const { file, expiresMs } of certificates) this.#certificates.of(file).value = expiresMs / 1000;
    this.#lags.of().value = this.#lag.takeSeconds();
    return [
      this.#reloads,
      this.#authentications,
      this.#rateLimited,
      this.#moved,
      this.#refused,
      this.#handshakes,
      this.#dropped,
      this.#redis,
      this.#lags,
      this.#certificates,
      this.#build,
    ]
      .map((family) => family.text())
      .join('');
  }

  readonly #reloaded = ({ outcome }: ConfigReloaded): void => {
    this.#reloads.of(outcome).value += 1;
  };

  readonly #connectionRefused = ({ reason }: ConnectionRefused): void => {
    this.#refused.of(reason).value += 1;
  };

  readonly #authenticated = ({ method, outcome }: Authenticated): void => {
    const isUsual = method === 'api_key' && outcome === 'success';
    (isUsual ? this.#letIn : this.#authentications.of(method, outcome)).value += 1;
  };

  readonly #refusedByLimit = ({ level }: RateLimited): void => {
    this.#rateLimited.of(level).value += 1;
  };

  readonly #leaseMoved = (): void => {
    this.#moved.of().value += 1;
  };

  readonly #logDropped = ({ lines }: LogDropped): void => {
    this.#dropped.of().value += lines;
  };

  readonly #handshakeFailed = ({ code }: TlsHandshakeFailed): void => {
    this.#handshakes.of(code).value += 1;
  };
}
