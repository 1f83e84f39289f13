// All metrics of /metrics: those of requests, token usage, relays, the gateway and the process.
// Does not serve them.
import { type Clock, systemClock } from '../../kernel/clock.ts';
import type { GatewayStatus } from '../../kernel/http/status.ts';
import { gatewayMetrics } from './gateway-metrics.ts';
import { processMetrics } from './process-metrics.ts';
import { type Metric, MetricRegistry } from './registry.ts';
import { relayMetrics } from './relay-metrics.ts';
import { requestMetrics } from './request-metrics.ts';
import { usageMetrics } from './usage-metrics.ts';

export interface MetricsOptions {
  readonly clock?: Clock | undefined;
  readonly version: string;
  /** Called on each scrape. */
  readonly status: () => GatewayStatus;
}

export interface Metrics {
  text(): Promise<{ readonly contentType: string; readonly body: string }>;
  /** Stops counting. Idempotent. */
  close(): void;
}

const contentType = 'text/plain; version=0.0.4; charset=utf-8';

/** Those of the process are measured separately, because reading them takes time. */
export const allMetrics: readonly Metric[] = [...requestMetrics, ...usageMetrics, ...relayMetrics, ...gatewayMetrics];

/** Starts counting: requests already in flight are not among the active ones. */
export function createMetrics({ version, status, clock = systemClock }: MetricsOptions): Metrics {
  const registry = new MetricRegistry(version, allMetrics, clock);
  return {
    text: async () => {
      const ofProcess = await processMetrics();
      return { contentType, body: registry.text(status()) + ofProcess };
    },
    close: () => {
      registry.close();
    },
  };
}
