// Metrics of the gateway itself: reloads, authentication, limits, connections, certificates.
import process from 'node:process';
import {
  authenticated,
  configReloaded,
  connectionRefused,
  leaseMoved,
  logDropped,
  rateLimited,
  tlsHandshakeFailed,
} from '../../kernel/events.ts';
import { LoopLag } from './loop-lag.ts';
import type { Metric } from './registry.ts';

/** OpenSSL has hundreds of codes, but few occur. */
const maxCodes = 50;

export const gatewayMetrics: readonly Metric[] = [
  (metrics) => {
    const reloads = metrics.counter({
      name: 'config_reloads_total',
      help: 'Configuration reloads, by outcome.',
      labels: ['outcome'],
    });
    for (const outcome of ['applied', 'rejected']) reloads.of(outcome);
    metrics.on(configReloaded, ({ outcome }) => {
      reloads.of(outcome).value += 1;
    });
  },
  (metrics) => {
    const attempts = metrics.counter({
      name: 'auth_total',
      help: 'Authentication attempts, by credential type and outcome.',
      labels: ['method', 'outcome'],
    });
    // Cached, because nearly all attempts have these labels.
    const usual = attempts.of('api_key', 'success');
    metrics.on(authenticated, ({ method, outcome }) => {
      const isUsual = method === 'api_key' && outcome === 'success';
      (isUsual ? usual : attempts.of(method, outcome)).value += 1;
    });
  },
  (metrics) => {
    const rejections = metrics.counter({
      name: 'rate_limit_rejections_total',
      help: 'Requests rejected by a rate limit, by scope of the limit.',
      labels: ['scope'],
    });
    metrics.on(rateLimited, ({ level }) => {
      rejections.of(level).value += 1;
    });
  },
  (metrics) => {
    const changes = metrics.counter({
      name: 'lease_id_changes_total',
      help: 'Lease names that a relay began to resolve to another id than before.',
    });
    metrics.on(leaseMoved, () => {
      changes.of().value += 1;
    });
  },
  (metrics) => {
    const refused = metrics.counter({
      name: 'connections_refused_total',
      help: 'Connections closed before a request was read, by reason: the limit reached or the fault.',
      labels: ['reason'],
    });
    metrics.on(connectionRefused, ({ reason }) => {
      refused.of(reason).value += 1;
    });
  },
  (metrics) => {
    const handshakes = metrics.counter({
      name: 'tls_handshakes_failed_total',
      help: 'Failed TLS handshakes with clients, by error code.',
      labels: ['code'],
      maxValues: maxCodes,
    });
    metrics.on(tlsHandshakeFailed, ({ code }) => {
      handshakes.of(code).value += 1;
    });
  },
  (metrics) => {
    const dropped = metrics.counter({ name: 'log_dropped_total', help: 'Log lines that were dropped.' });
    metrics.on(logDropped, ({ lines }) => {
      dropped.of().value += lines;
    });
  },
  (metrics) => {
    const redis = metrics.gauge({
      name: 'redis_up',
      help: 'With `rate_limit.storage.type: redis`: 1 while rate limits are counted in Redis, 0 while this process counts alone.',
    });
    metrics.onScrape(({ limitsShared }) => {
      redis.clear();
      if (limitsShared !== undefined) redis.of().value = limitsShared ? 1 : 0;
    });
  },
  (metrics) => {
    const lag = new LoopLag();
    const lags = metrics.gauge({
      name: 'event_loop_lag_seconds',
      help: 'The longest event loop delay since the last scrape.',
    });
    metrics.onScrape(() => {
      lags.of().value = lag.takeSeconds();
    });
    metrics.onClose(() => {
      lag.close();
    });
  },
  (metrics) => {
    const expiries = metrics.gauge({
      name: 'tls_certificate_expiry_timestamp_seconds',
      help: 'Expiry of the certificate, in seconds since the Unix epoch.',
      labels: ['file'],
    });
    metrics.onScrape(({ certificates }) => {
      expiries.clear();
      for (const { file, expiresMs } of certificates) expiries.of(file).value = expiresMs / 1000;
    });
  },
  (metrics) => {
    const build = metrics.gauge({
      name: 'build_info',
      help: 'Version and Node.js release of the running gateway; always 1.',
      labels: ['version', 'node'],
    });
    build.of(metrics.version, process.version).value = 1;
  },
];
