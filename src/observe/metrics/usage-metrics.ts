// Metrics of language models: tokens by class and by source of the number.
import { llmUsage } from '../../kernel/events.ts';
import type { Metric } from './registry.ts';

export const usageMetrics: readonly Metric[] = [
  (metrics) => {
    const total = metrics.counter({
      name: 'llm_tokens_total',
      help: 'Tokens of responses to keys with a token quota, by class; estimated where the app did not report them.',
      labels: ['lease_id', 'class', 'source'],
    });
    metrics.on(llmUsage, ({ leaseId, reported, estimated }) => {
      const lease = metrics.leases.labelOf(leaseId);
      for (const [source, tokens] of Object.entries({ reported, estimated })) {
        for (const [name, count] of Object.entries(tokens) as [string, number][]) {
          if (count > 0) total.of(lease, name, source).value += count;
        }
      }
    });
  },
  (metrics) => {
    const unreported = metrics.counter({
      name: 'llm_usage_unreported_total',
      help: 'Responses that did not report all of their usage, by outcome: estimated, denied or ignored.',
      labels: ['lease_id', 'outcome'],
    });
    metrics.on(llmUsage, ({ leaseId, unknown }) => {
      if (unknown !== undefined) unreported.of(metrics.leases.labelOf(leaseId), unknown).value += 1;
    });
  },
  (metrics) => {
    const suspiciousResponses = metrics.counter({
      name: 'llm_usage_suspicious_total',
      help: 'Responses that reported more tokens than they can have used; charged at the maximum.',
      labels: ['lease_id'],
    });
    metrics.on(llmUsage, ({ leaseId, suspicious }) => {
      if (suspicious) suspiciousResponses.of(metrics.leases.labelOf(leaseId)).value += 1;
    });
  },
];
